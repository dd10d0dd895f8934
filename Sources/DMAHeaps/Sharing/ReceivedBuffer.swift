// SPDX-License-Identifier: MIT

public import LinuxHost

/// A buffer of another process, mapped here.
///
/// ```swift
/// let frame = try ReceivedBuffer(from: socket)
/// show(frame.bytes, frame.payload)
/// ```
///
/// When it goes away, so do the mapping and the descriptor, and with the last of those the memory
/// returns to the heap it came from. A forked child has a mapping and a descriptor of its own.
@safe
public struct ReceivedBuffer: ~Copyable, @unchecked Sendable {
  // The mapping belongs to this value alone; what others write to the memory is the processes' agreement.

  /// The descriptor that came, to be given to devices or sent on.
  public let descriptor: OwnedDescriptor

  /// The size in bytes.
  public let byteCount: Int

  /// What the sender said besides.
  public let payload: [UInt8]

  /// Whether the sender lets this process write to the memory.
  public let isWritable: Bool

  private let mapping: Mapping
  private let isDMABuffer: Bool

  /// Receives a buffer that ``Buffer/send(over:payload:flags:)`` sent, and maps it.
  ///
  /// - Parameters:
  ///   - socket: a connected Unix socket of any type.
  ///   - trustingSender: whether to take a file that the sender could still make shorter. Touching
  ///     memory that is lost that way ends the process (SIGBUS). Files sealed with `F_SEAL_SHRINK` and
  ///     dma-bufs need no trust.
  /// - Throws: ``HeapError/transferFailed(_:)`` with the ``TransferFailure``; EMFILE, naming
  ///   RLIMIT_NOFILE; ENOMEM. All descriptors that came are closed then.
  /// - Context: blocks, unless the socket does not.
  public init(from socket: Int32, trustingSender: Bool = false) throws(HeapError) {
    var bytes = BufferMessage.Bytes(repeating: 0)
    let descriptor = try BufferMessage.receive(from: socket, into: &bytes)
    let message = try BufferMessage(decoding: bytes)
    let isWritable = SharedFile.isWritable(descriptor)
    let mapping = try Self.map(
      descriptor, byteCount: message.bufferByteCount, isWritable: isWritable,
      trustingSender: trustingSender)
    byteCount = message.bufferByteCount
    payload = message.payload
    self.isWritable = isWritable
    isDMABuffer = SharedFile.isDMABuffer(descriptor)
    self.mapping = mapping
    self.descriptor = descriptor
  }

  private static func map(
    _ file: borrowing OwnedDescriptor, byteCount: Int, isWritable: Bool, trustingSender: Bool
  ) throws(HeapError) -> Mapping {
    if !trustingSender, SharedFile.canShrink(file) { throw .transferFailed(.notSealed) }
    let number = file.rawValue
    // Looked at last: what may shrink no more cannot do so afterwards.
    let length = try translatingFailure(byteCount) { () throws(HostFailure) in
      try SharedFile.byteCount(of: number)
    }
    guard byteCount <= length else {
      throw .transferFailed(.fileTooShort(byteCount: length, announcedByteCount: byteCount))
    }
    return try translatingFailure(byteCount) { () throws(HostFailure) in
      try Mapping(
        of: number, byteCount: byteCount, isWritable: isWritable, isInherited: true, faults: nil)
    }
  }
}

// MARK: - Access

extension ReceivedBuffer {
  /// The memory, for reading.
  ///
  /// - Complexity: O(1).
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      // SAFETY: the memory is mapped as long as `self`, from which the span borrows.
      let span = unsafe RawSpan(_unsafeStart: mapping.base, byteCount: byteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The memory, for writing, which ``isWritable`` must allow.
  ///
  /// - Complexity: O(1).
  public var mutableBytes: MutableRawSpan {
    @_lifetime(&self)
    mutating get {
      checkWritable()
      // SAFETY: as for `bytes`, and `self` is exclusively borrowed as long as the span.
      let span = unsafe MutableRawSpan(_unsafeStart: mapping.base, byteCount: byteCount)
      return unsafe _overrideLifetime(span, mutating: &self)
    }
  }

  /// Calls `body` with the memory, for reading; the pointer must not be used afterwards.
  public borrowing func withUnsafeBytes<R: ~Copyable, E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    try unsafe body(UnsafeRawBufferPointer(start: mapping.base, count: byteCount))
  }

  /// Calls `body` with the memory, for writing, which ``isWritable`` must allow; the pointer must not be
  /// used afterwards.
  public mutating func withUnsafeMutableBytes<R: ~Copyable, E: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    checkWritable()
    return try unsafe body(UnsafeMutableRawBufferPointer(start: mapping.base, count: byteCount))
  }

  /// Begins an access by the CPU to memory that devices use, too.
  ///
  /// `DMA_BUF_IOCTL_SYNC` on a dma-buf; other memory is coherent.
  ///
  /// - Throws: ``HeapError/systemCallFailed(name:errorNumber:)``.
  /// - Context: blocks until devices have finished.
  public borrowing func beginAccess(_ access: BufferAccess) throws(HeapError) {
    try synchronize(.begin, access)
  }

  /// Ends an access that ``beginAccess(_:)`` began.
  ///
  /// - Throws: ``HeapError/systemCallFailed(name:errorNumber:)``.
  public borrowing func endAccess(_ access: BufferAccess) throws(HeapError) {
    try synchronize(.end, access)
  }

  private borrowing func synchronize(
    _ bracket: DMABuffer.Bracket, _ access: BufferAccess
  ) throws(HeapError) {
    guard isDMABuffer else { return }
    do throws(HostFailure) {
      try DMABuffer.synchronize(descriptor, bracket, access.direction)
    } catch {
      throw HeapError(error)
    }
  }

  /// A write would be a segmentation fault without a word.
  private func checkWritable() {
    precondition(isWritable, "the sender gave this buffer for reading alone; see isWritable")
  }
}
