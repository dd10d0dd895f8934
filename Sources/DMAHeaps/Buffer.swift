// SPDX-License-Identifier: MIT

public import HeapFramework
public import LinuxHost
internal import PagePools

/// Zeroed, page-aligned memory that belongs to one owner and can be given to other processes.
///
/// ```swift
/// var buffer = try heap.allocate(byteCount: 1 << 20)
/// var bytes = buffer.mutableBytes
/// bytes.storeBytes(of: 42, as: UInt32.self)
/// let descriptor = try buffer.exportDescriptor()
/// ```
///
/// A buffer that goes away returns to its heap, with its mapping, so that its next owner pays no page faults.
/// Memory that nobody can have written is ready for the next owner at once; other memory is zeroed first,
/// in the background if it is large.
///
/// A buffer of which descriptors were exported does not return: whoever has them keeps the memory for as long as
/// it likes, and somebody may have its pages even longer, in a socket or a device. It serves nobody else (H5).
@safe
public struct Buffer: ~Copyable, @unchecked Sendable {
  // The block and its memory belong to this value alone.

  private var block: MemoryBlock
  private var base: UnsafeMutableRawPointer
  private let pages: PageCount
  private let heap: Heap
  private var mayBeWritten = false

  /// What the buffer is for, for people who look: at most 31 bytes of UTF-8, empty at first.
  ///
  /// Change it with ``setName(_:)``.
  public private(set) var name = ""

  /// The longest name in bytes, as in the kernel (`DMA_BUF_NAME_LEN` with its NUL).
  public static var maximumNameByteCount: Int { 31 }

  init(block: MemoryBlock, pages: PageCount, heap: Heap) {
    guard let base = unsafe block.address else {
      preconditionFailure("a buffer's block is mapped")
    }
    self.block = block
    unsafe self.base = base
    self.pages = pages
    self.heap = heap
  }

  deinit {
    heap.free(block, mayBeWritten: mayBeWritten)
  }

  /// The size in bytes, a multiple of the page size.
  public var byteCount: Int { pages.byteCount }

  /// The name of the heap the buffer came from.
  public var heapName: String { heap.name }

  /// Names the buffer.
  ///
  /// - Throws: ``HeapError/invalidName(_:reason:)`` (ENAMETOOLONG) above 31 bytes.
  public mutating func setName(_ name: String) throws(HeapError) {
    guard name.utf8.count <= Self.maximumNameByteCount else {
      throw .invalidName(name, reason: "a buffer's name has at most 31 bytes")
    }
    self.name = name
  }
}

// MARK: - Access

extension Buffer {
  /// The memory, for reading.
  ///
  /// - Complexity: O(1).
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      trapIfForked()
      // SAFETY: the block is mapped and owned as long as `self`, from which the span borrows.
      let span = unsafe RawSpan(_unsafeStart: base, byteCount: pages.byteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The memory, for writing; from now on it counts as written and is zeroed when it is freed (S4).
  ///
  /// - Complexity: O(1).
  public var mutableBytes: MutableRawSpan {
    @_lifetime(&self)
    mutating get {
      trapIfForked()
      mayBeWritten = true
      // SAFETY: as for `bytes`, and `self` is exclusively borrowed as long as the span.
      let span = unsafe MutableRawSpan(_unsafeStart: base, byteCount: pages.byteCount)
      return unsafe _overrideLifetime(span, mutating: &self)
    }
  }

  /// Calls `body` with the memory, for reading; the pointer must not be used afterwards.
  public borrowing func withUnsafeBytes<R: ~Copyable, E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    trapIfForked()
    return try unsafe body(UnsafeRawBufferPointer(start: base, count: pages.byteCount))
  }

  /// Calls `body` with the memory, for writing; the pointer must not be used afterwards.
  public mutating func withUnsafeMutableBytes<R: ~Copyable, E: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    trapIfForked()
    mayBeWritten = true
    return try unsafe body(UnsafeMutableRawBufferPointer(start: base, count: pages.byteCount))
  }

  /// Access to the memory would be a segmentation fault without a word: a child has no mapping of it.
  private func trapIfForked() {
    precondition(
      !heap.isForkedChild,
      "a buffer's memory is not mapped in a forked child; export a descriptor and map that")
  }
}

// MARK: - Sharing

extension Buffer {
  /// Opens a descriptor of the memory, to be given to another process.
  ///
  /// The file is from then on exactly as long as the buffer, and sealed: whoever maps it need not fear SIGBUS.
  ///
  /// Each call opens another one. A buffer below 64 KiB moves to a file of its own at the first call, so
  /// pointers from earlier accesses are stale.
  ///
  /// - Parameter flags: `O_CLOEXEC` and an access mode; a descriptor opened read-only can be mapped
  ///   for reading only, and not be opened for writing by other users; processes of the same user could.
  /// - Throws: ``HeapError``: EINVAL for other flags, EMFILE, ENFILE, ENOMEM, ENOTSUP where the memory is a region's;
  ///   the buffer is then as it was.
  /// - Complexity: O(1), 5 µs; O(bytes) at the first call below 64 KiB.
  /// - Context: blocks.
  public mutating func exportDescriptor(
    flags: DescriptorFlags = [.closeOnExec, .readWrite]
  ) throws(HeapError) -> OwnedDescriptor {
    let descriptor = try heap.exportDescriptor(&block, pages, flags: flags)
    guard let base = unsafe block.address else { preconditionFailure("exports stay mapped") }
    unsafe self.base = base
    return descriptor
  }

  /// Begins an access by the CPU to memory that devices or other processes use, too.
  ///
  /// The pair brackets accesses as `DMA_BUF_IOCTL_SYNC` does. This source's memory is coherent, so the
  /// pair does nothing; code that is to run on every source calls it.
  public func beginAccess(_ access: BufferAccess) {
    trapIfForked()
  }

  /// Ends an access that ``beginAccess(_:)`` began.
  public func endAccess(_ access: BufferAccess) {
    trapIfForked()
  }
}

/// What the CPU does between ``Buffer/beginAccess(_:)`` and ``Buffer/endAccess(_:)``.
public enum BufferAccess: Sendable {
  /// Reads only.
  case read
  /// Writes only.
  case write
  /// Reads and writes.
  case readWrite
}
