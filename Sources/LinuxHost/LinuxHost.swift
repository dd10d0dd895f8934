// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc
internal import HeapFramework
package import PagePools

/// The userspace host: what the core runs on in an ordinary Linux process.
///
/// Blocks are slots of slabs, which are small and stay in the process, and memfds of their own, which can be
/// given to others. A buffer is one block, as the file is the unit that can be given away.
///
/// | kind | block | for | when it is freed |
/// |---|---|---|---|
/// | `inProcess` | slot of a slab | buffers below 64 KiB | used again |
/// | `mapped` | mapped memfd of a size class | larger buffers | used again, unless a descriptor of it left |
/// | `shareable` | sealed memfd, as long as was asked | descriptors | never here, or again when it is back |
/// | a region's | run of its pages, or chunks in a row | buffers of its heap | zeroed, and free at once |
///
/// The host is a trivial value, because the core passes it on every path: a reference would be counted
/// each time, and two threads counting the same reference wait for each other. What it refers to
/// belongs to the ``HeapRuntime``.
@safe
package struct LinuxHost: HeapHost {
  package typealias Block = MemoryBlock
  package typealias Lock = FutexLock
  package typealias Failure = HostFailure

  /// The sizes that are slots of slabs when they stay in the process: below 64 KiB.
  package static let largestSlot = PageCount(14)

  private unowned(unsafe) let resources: HostResources

  /// A host on `resources`, which outlive all uses of it.
  init(_ resources: HostResources) {
    unsafe self.resources = resources
  }

  var slabs: SlabSource { unsafe resources.slabs }

  /// Learns when handed-out files come back; nil where none do.
  package var watcher: ReleaseWatcher? { unsafe resources.watcher }

  /// Failures that a test wants.
  var faults: FaultPlan? { unsafe resources.faults }

  /// Those who wait for memory.
  package var waiters: MemoryWaiters { unsafe resources.waiters }

  /// Tells whoever waits that memory came back: a buffer was freed, or the pools have or give back some.
  ///
  /// - Complexity: one load when nobody waits.
  /// - Context: no lock held.
  @inline(__always)
  func memoryCameBack() {
    if unsafe resources.waitingView.isSomebodyWaiting { waiters.tellFirst() }
  }

  /// The shares of regions.
  var regions: RegionTable { unsafe resources.regions }

  /// Gets the memory of a region, if there is enough.
  ///
  /// - Throws: ENOMEM, EMFILE, ENFILE, EFBIG (RLIMIT_FSIZE); nothing is left behind.
  /// - Context: no lock held; blocks.
  package func makeRegion(_ pages: PageCount) throws(HostFailure) -> RegionMemory {
    try unsafe resources.admission.taking(pages, effort: .full) { () throws(HostFailure) in
      try RegionMemory(pages, faults: faults)
    }
  }

  /// Wakes the deferred-free worker.
  var wakeUp: WakeUp { unsafe resources.wakeUp }
}

/// What a host holds: the slabs, the watcher, and the worker's wake-up.
package final class HostResources: Sendable {
  let slabs: SlabSource
  let watcher: ReleaseWatcher?
  let admission: MemoryAdmission
  let regions = RegionTable()
  let faults: FaultPlan?
  let wakeUp = WakeUp()
  let waiters = MemoryWaiters()
  let waitingView: MemoryWaiters.View

  /// - Throws: the step that failed; nothing is left behind.
  init(
    recycling: Recycling, poolCapacity: Int, limits: MemoryLimits, faults: FaultPlan?
  ) throws(HostFailure) {
    admission = MemoryAdmission(limits, faults: faults)
    waitingView = waiters.view
    slabs = SlabSource(poolCapacity: poolCapacity, faults: faults)
    watcher = recycling == .inPlace ? try ReleaseWatcher(faults: faults) : nil
    self.faults = faults
  }
}

extension MemoryKind {
  /// A slot of a slab: memory for this process.
  package static var inProcess: MemoryKind { MemoryKind(MemorySource(rawValue: 0)) }

  /// A mapped file of its own: memory for this process, which may give it to others.
  ///
  /// Each holds a descriptor, of which a process may not have many.
  package static var mapped: MemoryKind {
    MemoryKind(MemorySource(rawValue: 1), keeping: [.pooledAndDeferred, .countedByBlock])
  }

  /// A file to be given to others.
  package static var shareable: MemoryKind {
    MemoryKind(MemorySource(rawValue: 2), keeping: [.pooledAndDeferred, .countedByBlock])
  }
}

/// What becomes of memory of which a descriptor left the library.
package enum Recycling: Sendable {
  /// It serves nobody else: somebody may have its pages for ever. The kernel has it back by itself.
  case never
  /// It is zeroed and handed out again once nobody has its file any more.
  case inPlace
}

// MARK: - Source of pages

extension LinuxHost {
  package var pageSize: PageSize { HostPages.size }

  package func allocate(
    _ count: Int, for pool: PoolID, _ properties: PoolProperties, effort: AllocationEffort,
    into chain: inout BlockChain<LinuxHost>
  ) throws(HostFailure) {
    if let entry = regions.entry(of: properties.kind) {
      let memory = entry.memory
      return try entry.share.allocate(
        count, of: properties.blockSize, into: &chain, on: self,
        makeBlock: { memory.makeBlock($0, for: pool) }, forget: { memory.forget($0) })
    }
    var blocks = BlockChain<LinuxHost>()
    do throws(HostFailure) {
      for _ in 0..<count {
        blocks.append(try makeBlock(for: pool, properties, effort), in: self)
      }
    } catch {
      release(blocks, properties)
      throw error
    }
    chain.append(blocks, in: self)
  }

  private func makeBlock(
    for pool: PoolID, _ properties: PoolProperties, _ effort: AllocationEffort
  ) throws(HostFailure) -> MemoryBlock {
    try unsafe resources.admission.taking(properties.blockSize, effort: effort) {
      () throws(HostFailure) in
      // Memory that nobody waits for is the worker's, which takes no signals: it gets the error in any case.
      if effort > .none, properties.kind != .inProcess {
        try FileSizeLimit.check(properties.blockSize.byteCount)
      }
      return try makeBlock(for: pool, properties, isAhead: effort == .none)
    }
  }

  /// - Parameter isAhead: whether nobody waits for the block, which goes to a pool.
  private func makeBlock(
    for pool: PoolID, _ properties: PoolProperties, isAhead: Bool
  ) throws(HostFailure) -> MemoryBlock {
    let size = properties.blockSize
    switch properties.kind {
    case .inProcess:
      return try slabs.allocate(for: pool, size)
    case .mapped:
      let file = try MemoryFile(size, for: .buffer, faults: faults)
      return MemoryBlock(pool: pool, size: size, file: file)
    case .shareable:
      let purpose: MemoryFile.Purpose =
        watcher != nil ? .recycling : isAhead ? .handOut : .handOutAtOnce
      let file = try MemoryFile(size, for: purpose, faults: faults)
      return MemoryBlock(pool: pool, size: size, file: file)
    default:
      preconditionFailure("a kind of memory that this host does not have")
    }
  }

  package func release(_ blocks: consuming BlockChain<LinuxHost>, _ properties: PoolProperties) {
    guard !blocks.isEmpty else { return }
    defer { memoryCameBack() }
    while let block = blocks.pop(in: self) {
      switch block.backing {
      case .slot: slabs.release(block)
      case .file(let file):
        watcher?.forget(block, file)
        block.destroy()
      case .region(let memory):
        let pages = memory.forget(block)
        memory.region.give(pages)
      }
    }
  }

  package func zero(_ block: MemoryBlock, _ properties: PoolProperties) -> Bool {
    switch block.backing {
    case .slot:
      guard let address = unsafe block.address else { return false }
      unsafe Zeroing.zero(address, block.size.byteCount)
      return true
    case .file(let file):
      return file.zero()
    case .region(let memory):
      unsafe Zeroing.zero(memory.address(of: block), block.size.byteCount)
      return true
    }
  }

  @inline(always)
  package func pool(of block: MemoryBlock) -> PoolID { block.pool }

  @inline(always)
  package func size(of block: MemoryBlock) -> PageCount { block.size }

  @inline(always)
  package func next(after block: MemoryBlock) -> MemoryBlock? { block.next }

  @inline(always)
  package func setNext(_ next: MemoryBlock?, after block: MemoryBlock) { block.next = next }

  @inline(always)
  package func previous(before block: MemoryBlock) -> MemoryBlock? { block.previous }

  @inline(always)
  package func setPrevious(_ previous: MemoryBlock?, before block: MemoryBlock) {
    block.previous = previous
  }

  /// All memory is the machine's, but what regions have; descriptors and watches are held by files alone.
  package func canRelieve(
    _ failure: HostFailure, _ wanted: MemoryKind, with kind: MemoryKind
  ) -> Bool {
    failure.errorNumber == ENOMEM || kind != .inProcess
  }
}

// MARK: - Machine

extension LinuxHost {
  @inline(always)
  package var currentShard: Int { Int(shim_getcpu()) }

  /// A signal that kills ends the whole process here, and the kernel cleans up.
  package var isCallerKilled: Bool { false }

  /// Threads of a process are preempted wherever they are.
  @inline(always)
  package func letOthersRun() {}

  package func relax() {
    sched_yield()
  }
}

// MARK: - Heaps

extension LinuxHost {
  /// Buffers are all this process's.
  package struct Owner: BitwiseCopyable, Sendable {
    package init() {}
  }

  @inline(always)
  package func charge(_ pages: PageCount) -> Owner { Owner() }

  @inline(always)
  package func uncharge(_ pages: PageCount, _ owner: Owner) {}

  package func collectReturned(atMost limit: PageCount) -> Bool {
    guard let watcher else { return false }
    watcher.collectReturned(atMost: limit)
    // What there was, the watching thread may have been quicker to collect.
    return true
  }

  package func wakeWorker() {
    wakeUp.wake()
  }
}
