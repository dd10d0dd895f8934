// SPDX-License-Identifier: MIT

internal import Glibc
public import HeapFramework
public import LinuxHost
internal import PagePools

/// A heap that was looked up by name: what a program allocates buffers from.
///
/// ```swift
/// let heap = try Heap(named: "system")
/// var frame = try heap.allocate(byteCount: 3840 * 2160 * 4)
/// frame.withUnsafeMutableBytes { render(into: $0) }
/// let descriptor = try frame.exportDescriptor()   // for another process
/// ```
///
/// A heap may be used by any number of threads. Threads that allocate at the highest rates do best with
/// a `Heap` of their own, looked up once: they then share no reference count.
public final class Heap: Sendable {
  let system: HeapSystem
  private let use: HeapUse<LinuxHost, any ProcessHeap>

  /// The heap's name, never an alias.
  public let name: String

  private let source: any ProcessHeap
  private let forkGuard: ForkGuard.View

  init(system: HeapSystem, name: String, use: consuming HeapUse<LinuxHost, any ProcessHeap>) {
    self.system = system
    source = use.heap
    forkGuard = system.forkGuardView
    self.use = use
    self.name = name
  }

  /// Finds a heap of the process-wide ``HeapSystem/shared()``.
  ///
  /// - Throws: ``HeapError/unknownHeap(name:available:)`` (ENODEV), ``HeapError/absentHeap(name:reason:)``
  ///   (ENODEV), or why the shared system could not start.
  public convenience init(named name: String) throws(HeapError) {
    let system = try HeapSystem.shared()
    self.init(system: system, name: system.heapName(of: name), use: try system.use(name))
  }

  /// Gets a zeroed buffer of this process.
  ///
  /// - Parameter byteCount: 1 or more; rounded up to pages, or to whole chunks of a heap that has such.
  /// - Throws: ``HeapError`` naming what was asked for and the limit that is in the way: EINVAL for
  ///   a size of 0 or less, ENOMEM, EMFILE, ENFILE.
  /// - Complexity: O(1) from a warm pool, without a system call and without allocating memory.
  /// - Context: any thread; may block when the pool is empty.
  public func allocate(byteCount: Int) throws(HeapError) -> Buffer {
    let pages = try checkedPages(byteCount, .readOnly)
    let block = try translatingFailure(byteCount) { () throws(HostFailure) in
      try source.allocateBuffer(pages)
    }
    return Buffer(block: block, pages: source.size(holding: pages), heap: self)
  }

  /// Gets a descriptor of zeroed memory, with the semantics of the kernel's heaps: it can be sent, duplicated
  /// and mapped, and the memory is released when every copy and every mapping is gone (H5).
  ///
  /// The file is sealed: it stays exactly as long as it is. What was once handed out serves nobody else,
  /// unless ``HeapSystem/Recycling`` says otherwise.
  ///
  /// - Parameters:
  ///   - byteCount: 1 or more; the descriptor's size is this, rounded up to pages.
  ///   - flags: `O_CLOEXEC` and an access mode.
  /// - Throws: as ``allocate(byteCount:)``, also EINVAL for other flags; with
  ///   ``HeapSystem/Recycling/inPlace`` also ENOSPC for the limit on inotify watches;
  ///   ``HeapError/notSupported(heap:reason:)`` (ENOTSUP) where the memory is a region's.
  /// - Complexity: O(1) when one is ready: one fstat(2) with the default flags, a few calls with others.
  /// - Context: any thread; blocks when none is ready.
  public func allocateDescriptor(
    byteCount: Int, flags: DescriptorFlags = [.closeOnExec, .readWrite]
  ) throws(HeapError) -> OwnedDescriptor {
    let pages = try checkedPages(byteCount, flags)
    let source = try sharingSource
    return try translatingFailure(byteCount) { () throws(HostFailure) in
      try source.allocateDescriptor(pages, flags: Int32(flags.rawValue))
    }
  }

  /// Keeps memory of a size ready, zeroed, before anybody asks for it (P9).
  ///
  /// When fewer than `low` are ready, a thread at idle priority gets more until `high` are. It stays below the
  /// system's pool limit, and pauses for a second after ``HeapSystem/reclaim(byteCount:)`` or a failure, as
  /// memory is wanted elsewhere then. Buffers of sizes that share a pool share the marks; the last call counts.
  ///
  /// Descriptors are made ahead of demand without being asked for, too: as many as were taken lately.
  ///
  /// - Parameters:
  ///   - low: how many at least; 0 turns it off.
  ///   - high: how many at most, at least `low`.
  ///   - byteCount: 1 or more.
  ///   - use: what the memory is for.
  /// - Throws: ``HeapError/invalidWatermarks(low:high:)``, ``HeapError/invalidSize(byteCount:)``,
  ///   ``HeapError/watermarksExceedLimit(byteCount:limitByteCount:)`` (all EINVAL),
  ///   ``HeapError/outOfMemory(requestedByteCount:availableByteCount:)`` for a size that no buffer can have,
  ///   ``HeapError/limitReached(name:value:errorNumber:)`` (ENOSPC) where descriptors of 32 sizes have pools that
  ///   must stay: because they are kept ready, or with ``HeapSystem/Recycling/inPlace`` for ever;
  ///   ``HeapError/notSupported(heap:reason:)`` (ENOTSUP) where the memory is a region's.
  /// - Context: any thread; does not wait for the memory.
  public func keepReady(
    low: Int, high: Int, byteCount: Int, for use: ReadyMemoryUse = .buffers
  ) throws(HeapError) {
    let pages = try checkedPages(byteCount, .readOnly)
    guard let marks = Watermarks(low: low, high: high) else {
      throw .invalidWatermarks(low: low, high: high)
    }
    guard let source = source as? MemfdHeap else {
      throw .notSupported(heap: name, reason: "all memory of a region is ready")
    }
    do throws(WatermarksExceedLimit) {
      let use: MemfdHeap.Use = use == .buffers ? .buffers : .descriptors
      if try source.setWatermarks(marks, holding: pages, for: use) { return }
    } catch {
      throw .watermarksExceedLimit(
        byteCount: error.wanted.byteCount, limitByteCount: error.limit.byteCount)
    }
    if pages <= source.largest {
      throw .limitReached(
        name: "the number of sizes of which descriptors are kept ready",
        value: source.descriptorSizeCapacity, errorNumber: ENOSPC)
    }
    throw .outOfMemory(
      requestedByteCount: pages.byteCount,
      availableByteCount: MemoryLimits.ofProcess.allowance().available)
  }

  /// Checks a request as the kernel checks it (H3).
  private func checkedPages(
    _ byteCount: Int, _ flags: DescriptorFlags
  ) throws(HeapError) -> PageCount {
    try checkNotForked()
    guard byteCount > 0 else { throw .invalidSize(byteCount: byteCount) }
    guard flags.hasAccessMode else { throw .invalidAccessMode(flags: flags.rawValue) }
    do throws(RequestError) {
      let request = try AllocationRequest(
        length: ByteCount(UInt64(byteCount)), descriptorFlags: flags.rawValue,
        pageSize: HostPages.size)
      return request.pages
    } catch {
      throw HeapError(error)
    }
  }
}

// MARK: - For buffers

extension Heap {
  /// Whether this is a child forked from the process whose heap this is.
  var isForkedChild: Bool { forkGuard.isForkedChild }

  func checkNotForked() throws(HeapError) {
    guard !isForkedChild else { throw .usedAfterFork }
  }

  /// The heap's memory, if other processes can have it.
  private var sharingSource: any SharingHeap {
    get throws(HeapError) {
      if let source = source.sharing { return source }
      throw .notSupported(
        heap: name,
        reason: "a region's memory is one file, and whoever had a descriptor would have all of it")
    }
  }

  /// Takes a buffer's block back; in a forked child it is left to the parent.
  func free(_ block: MemoryBlock, mayBeWritten: Bool) {
    guard !isForkedChild else { return }
    source.free(block, mayBeWritten: mayBeWritten)
  }

  /// Opens a descriptor of a buffer's block, which may become another block.
  func exportDescriptor(
    _ block: inout MemoryBlock, _ pages: PageCount, flags: DescriptorFlags
  ) throws(HeapError) -> OwnedDescriptor {
    try checkNotForked()
    guard flags.hasAccessMode else { throw .invalidAccessMode(flags: flags.rawValue) }
    if let unknown = flags.unknownFlags { throw HeapError(.unknownDescriptorFlags(unknown)) }
    let source = try sharingSource
    do throws(HostFailure) {
      return try source.exportDescriptor(&block, pages, flags: Int32(flags.rawValue))
    } catch {
      throw HeapError(error, requestedByteCount: pages.byteCount)
    }
  }
}

/// What ``Heap/keepReady(low:high:byteCount:for:)`` keeps memory for.
public enum ReadyMemoryUse: Sendable {
  /// Buffers of this process: ``Heap/allocate(byteCount:)``.
  case buffers
  /// Descriptors to be given away: ``Heap/allocateDescriptor(byteCount:flags:)``.
  case descriptors
}
