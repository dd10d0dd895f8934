// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc
internal import HeapFramework
package import PagePools

/// The userspace host: what the core runs on in an ordinary Linux process.
///
/// Blocks are memfds of their own, which can be given to others, and slots of slabs, which are small
/// and stay in the process. A buffer is one block, as the file is the unit that can be given away, so a
/// block is its own buffer object.
///
/// The host is a trivial value, because the core passes it on every path: a reference would be counted
/// each time, and two threads counting the same reference wait for each other. What it refers to
/// belongs to the ``HeapRuntime``.
@safe
package struct LinuxHost: HeapHost {
  package typealias Block = MemoryBlock
  package typealias Item = MemoryBlock
  package typealias Attributes = MemoryKind
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

  /// Wakes the deferred-free worker.
  var wakeUp: WakeUp { unsafe resources.wakeUp }
}

/// What a host holds: the slabs, the watcher, and the worker's wake-up.
package final class HostResources: Sendable {
  let slabs: SlabSource
  let watcher: ReleaseWatcher
  let faults: FaultPlan?
  let wakeUp = WakeUp()

  /// - Throws: the step that failed; nothing is left behind.
  init(poolCapacity: Int, faults: FaultPlan?) throws(HostFailure) {
    slabs = SlabSource(poolCapacity: poolCapacity, faults: faults)
    watcher = try ReleaseWatcher(faults: faults)
    self.faults = faults
  }
}

/// What a pool's memory can be used for.
@frozen
package enum MemoryKind: Sendable, BitwiseCopyable {
  /// A slot of a slab: memory for this process.
  case inProcess
  /// A file of its own: memory that can be given to others.
  case shareable
}

// MARK: - Source of pages

extension LinuxHost {
  package func allocate(
    for pool: PagePool<LinuxHost>, effort: AllocationEffort
  ) throws(HostFailure) -> MemoryBlock {
    try MachineMemory.check(pool.blockSize, faults)
    switch pool.attributes {
    case .inProcess:
      return try slabs.allocate(for: pool)
    case .shareable:
      let isMapped = pool.blockSize > Self.largestUnmappedFile
      let file = try MemoryFile(pages: pool.blockSize, isMapped: isMapped, faults: faults)
      return MemoryBlock(pool: pool, file: file)
    }
  }

  package func release(_ block: MemoryBlock) {
    if let file = block.file {
      watcher.forget(block, file)
      block.destroy()
    } else {
      slabs.release(block)
    }
  }

  package func zero(_ block: MemoryBlock) -> Bool {
    guard let file = block.file else {
      guard let address = unsafe block.address else { return false }
      unsafe Zeroing.zero(address, block.size.byteCount)
      return true
    }
    guard file.isIntact else { return false }
    guard let address = unsafe block.address else {
      return Zeroing.zero(file.descriptor, file.length.byteCount)
    }
    file.populateMapping()
    unsafe Zeroing.zero(address, file.length.byteCount)
    return true
  }

  @inline(always)
  package func pool(of block: MemoryBlock) -> PagePool<LinuxHost> { block.pool }

  @inline(always)
  package func next(after block: MemoryBlock) -> MemoryBlock? { block.next }

  @inline(always)
  package func setNext(_ next: MemoryBlock?, after block: MemoryBlock) { block.next = next }

  @inline(always)
  package var currentShard: Int { Int(shim_getcpu()) }

  package func relax() {
    sched_yield()
  }
}

// MARK: - Buffers

extension LinuxHost {
  @inline(always)
  package func deferredSize(of block: MemoryBlock) -> PageCount { block.size }

  package func nextDeferred(after block: MemoryBlock) -> MemoryBlock? { block.nextDeferred }

  package func setNextDeferred(_ next: MemoryBlock?, after block: MemoryBlock) {
    block.nextDeferred = next
  }

  @inline(always)
  package func dismantle(_ block: MemoryBlock) -> BlockChain<LinuxHost> {
    BlockChain(block, in: self)
  }

  package func collectReturned() -> Bool {
    watcher.collectReturned()
    // What there was, the watching thread may have been quicker to collect.
    return true
  }

  package func wakeDeferredFreeWorker() {
    wakeUp.wake()
  }

  /// A signal that kills ends the whole process here, and the kernel cleans up.
  package var isCallerKilled: Bool { false }
}
