// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc
internal import HeapFramework
package import PagePools

/// The userspace host: what the core runs on in an ordinary Linux process.
///
/// Blocks are memfds of their own, which can be given to others, and slots of slabs, which are small
/// and stay in the process. A buffer is one block, as the file is the unit that can be given away, so a
/// buffer has one block.
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

  /// Small files are not mapped until a buffer wants them: mappings are limited.
  static let largestUnmappedFile = largestSlot

  private unowned(unsafe) let resources: HostResources

  /// A host on `resources`, which outlive all uses of it.
  init(_ resources: HostResources) {
    unsafe self.resources = resources
  }

  var slabs: SlabSource { unsafe resources.slabs }

  /// Learns when handed-out files come back.
  package var watcher: ReleaseWatcher { unsafe resources.watcher }

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

  /// Wakes the deferred-free worker.
  var wakeUp: WakeUp { unsafe resources.wakeUp }
}

/// What a host holds: the slabs, the watcher, and the worker's wake-up.
package final class HostResources: Sendable {
  let slabs: SlabSource
  let watcher: ReleaseWatcher
  let faults: FaultPlan?
  let wakeUp = WakeUp()
  let waiters = MemoryWaiters()
  let waitingView: MemoryWaiters.View

  /// - Throws: the step that failed; nothing is left behind.
  init(poolCapacity: Int, faults: FaultPlan?) throws(HostFailure) {
    waitingView = waiters.view
    slabs = SlabSource(poolCapacity: poolCapacity, faults: faults)
    watcher = try ReleaseWatcher(faults: faults)
    self.faults = faults
  }
}

extension MemoryKind {
  /// A slot of a slab: memory for this process.
  package static var inProcess: MemoryKind { MemoryKind(MemorySource(rawValue: 0)) }

  /// A file of its own: memory that can be given to others.
  package static var shareable: MemoryKind { MemoryKind(MemorySource(rawValue: 1)) }
}

// MARK: - Source of pages

extension LinuxHost {
  package var pageSize: PageSize { HostPages.size }

  package func allocate(
    _ count: Int, for pool: PoolID, _ properties: PoolProperties, effort: AllocationEffort,
    into chain: inout BlockChain<LinuxHost>
  ) throws(HostFailure) {
    var blocks = BlockChain<LinuxHost>()
    do throws(HostFailure) {
      for _ in 0..<count { blocks.append(try makeBlock(for: pool, properties), in: self) }
    } catch {
      release(blocks, properties)
      throw error
    }
    chain.append(blocks, in: self)
  }

  private func makeBlock(
    for pool: PoolID, _ properties: PoolProperties
  ) throws(HostFailure) -> MemoryBlock {
    let size = properties.blockSize
    try MachineMemory.check(size, faults)
    switch properties.kind {
    case .inProcess:
      return try slabs.allocate(for: pool, size)
    case .shareable:
      let isMapped = size > Self.largestUnmappedFile
      let file = try MemoryFile(pages: size, isMapped: isMapped, faults: faults)
      return MemoryBlock(pool: pool, size: size, file: file)
    default:
      preconditionFailure("a kind of memory that this host does not have")
    }
  }

  package func release(_ blocks: consuming BlockChain<LinuxHost>, _ properties: PoolProperties) {
    guard !blocks.isEmpty else { return }
    defer { memoryCameBack() }
    while let block = blocks.pop(in: self) {
      if let file = block.file {
        watcher.forget(block, file)
        block.destroy()
      } else {
        slabs.release(block)
      }
    }
  }

  package func zero(_ block: MemoryBlock, _ properties: PoolProperties) -> Bool {
    guard let file = block.file else {
      guard let address = unsafe block.address else { return false }
      unsafe Zeroing.zero(address, block.size.byteCount)
      return true
    }
    guard file.isIntact else { return false }
    guard let address = unsafe block.address else {
      return Zeroing.zero(file.descriptor.rawValue, file.length.byteCount)
    }
    file.populateMapping()
    unsafe Zeroing.zero(address, file.length.byteCount)
    return true
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

  /// All memory is the machine's; descriptors and watches are held by files alone.
  package func canRelieve(
    _ failure: HostFailure, _ wanted: MemoryKind, with kind: MemoryKind
  ) -> Bool {
    failure.errorNumber == ENOMEM || kind == .shareable
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
    watcher.collectReturned(atMost: limit)
    // What there was, the watching thread may have been quicker to collect.
    return true
  }

  package func wakeWorker() {
    wakeUp.wake()
  }
}
