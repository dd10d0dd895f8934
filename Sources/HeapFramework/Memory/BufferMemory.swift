// SPDX-License-Identifier: MIT

public import PagePools
public import Synchronization

/// Pools and deferred freeing together: how every heap of a host gets and returns memory.
///
/// Freed memory takes one of four ways (S2, S4, D5, D6):
/// - its kind is not pooled, or pooling is off: straight to its source, nothing to zero;
/// - nobody can have written it: straight to its pool, nothing to zero;
/// - it is small, or too much is waiting already: the freeing thread zeroes it, which costs less than
///   waking another thread would;
/// - else it waits for the worker.
public final class BufferMemory<Host: HeapHost>: Sendable {
  /// The host that brings blocks.
  public let host: Host

  /// All pools.
  public let pools: PoolSet<Host>

  /// Memory that waits to be freed.
  public let deferred: DeferredFreeList<DeferredBlocks<Host>>

  /// Buffers up to this size are zeroed by the thread that frees them.
  public let inlineFreeLimit: PageCount

  @usableFromInline let handedOut = Atomic<Int>(0)

  /// Pages that were given away for good so far.
  ///
  /// - Context: takes no lock.
  public var handedOutPages: PageCount { PageCount(handedOut.load(ordering: .relaxed)) }

  /// How many blocks of the wanted size must wait before a caller helps instead of getting new memory; nil:
  /// callers never help.
  ///
  /// With a few blocks in circulation the worker zeroes one while the program fills another, and takes
  /// find the pool stocked; with one, each take would wait for the zeroing of the block just freed.
  public let helpingThreshold: Int?

  /// Joins `pools` with a new deferred-free list.
  ///
  /// - Parameters:
  ///   - pools: whose source is the host.
  ///   - deferredLimit: the most pages that may wait (D5), 0 or more.
  ///   - inlineFreeLimit: pages; 0 defers buffers of any size.
  ///   - helpingThreshold: blocks, 1 or more. For a host whose threads free in person, nil and a low
  ///     `deferredLimit` are better: whoever frees too fast zeroes, and nobody who allocates does.
  @inlinable
  public init(
    pools: PoolSet<Host>, deferredLimit: PageCount, inlineFreeLimit: PageCount,
    helpingThreshold: Int? = 4
  ) {
    self.helpingThreshold = helpingThreshold
    host = pools.source
    self.pools = pools
    deferred = DeferredFreeList(
      items: DeferredBlocks(source: pools.source), limit: deferredLimit)
    self.inlineFreeLimit = inlineFreeLimit
  }

  /// Sets what the pools of a size are to have in advance (P9), on each node, and wakes the worker for it.
  ///
  /// - Parameter size: index of the block size in `heap`.
  /// - Throws: as ``PagePools/PoolSet/setWatermarks(_:of:)``; all marks are then as before.
  /// - Context: no lock held; does not block.
  func setWatermarks(
    _ marks: Watermarks, _ size: Int, of heap: borrowing HeapPools<Host>
  ) throws(WatermarksExceedLimit) {
    let before = pools.watermarks(of: heap[size, 0])
    for node in 0..<heap.nodeCount {
      do throws(WatermarksExceedLimit) {
        try pools.setWatermarks(marks, of: heap[size, node])
      } catch {
        for changed in 0..<node { try? pools.setWatermarks(before, of: heap[size, changed]) }
        throw error
      }
    }
    host.wakeWorker()
  }
}
