// SPDX-License-Identifier: MIT

public import Synchronization

// Pools that are filled ahead of demand (P9): which of them want it, and one block more for one of them. When
// that happens is for the worker to say, see `RefillPace`.

extension PoolSet {
  /// Sets what a pool is to have in advance.
  ///
  /// The worker must be woken to hear of it.
  ///
  /// - Context: takes the list lock; does not block.
  public func setWatermarks(_ marks: Watermarks, of pool: PagePool<Source>) {
    list.withLock { list in
      precondition(list.isListed(pool), "a pool of this set, not destroyed")
      list.setWatermarks(marks, of: pool.slot)
      publishWatermarks(marks, slot: pool.slot, list)
    }
  }

  /// What a pool is to have in advance.
  ///
  /// - Context: takes the list lock; does not block.
  public func watermarks(of pool: PagePool<Source>) -> Watermarks {
    list.withLock { $0.watermarks(of: pool.slot) }
  }

  /// Tells those who take, and look without the list lock; called with it held.
  @usableFromInline
  func publishWatermarks(
    _ marks: Watermarks, slot: Int, _ list: borrowing PoolList<Source>
  ) {
    lowMarks[slot].store(marks.low, ordering: .relaxed)
    hasWatermarks.store(list.hasWatermarks, ordering: .relaxed)
  }

  /// Looks whether a pool has fallen below its low mark, after a block was taken from it.
  ///
  /// - Returns: true when the worker must be woken: it does not know yet.
  /// - Complexity: O(1) without watermarks, O(shards) with.
  /// - Context: takes no lock.
  @inlinable
  public func isRefillDue(afterTakingFrom pool: PagePool<Source>) -> Bool {
    guard hasWatermarks.load(ordering: .relaxed) else { return false }
    let low = lowMarks[pool.slot].load(ordering: .relaxed)
    guard low > 0, published.blockCount(slot: pool.slot) < low else { return false }
    return isRefillNews
  }

  /// Looks whether the worker must be woken after a shrinker has run: it may not know that there is something
  /// to fill, after its pause.
  ///
  /// - Complexity: O(1).
  /// - Context: takes no lock.
  @inlinable
  public var isRefillDueAfterShrinking: Bool {
    hasWatermarks.load(ordering: .relaxed) && isRefillNews
  }

  /// Whether the worker does not know that a pool may want blocks; from now on it does.
  @inlinable
  var isRefillNews: Bool {
    // The worker clears the flag and then counts; who has taken lets it be counted and then looks at the flag.
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    return !isRefillKnown.load(ordering: .relaxed)
      && !isRefillKnown.exchange(true, ordering: .relaxed)
  }

  /// Picks the next pool that wants blocks; pools take turns.
  ///
  /// If one does, nobody wakes the worker before it has asked again and none does.
  ///
  /// - Returns: a pool that ``destroy(_:)`` waits for until ``endRefill(of:)``.
  /// - Context: takes the list lock; does not block.
  func pickForRefill() -> PagePool<Source>? {
    isRefillKnown.store(false, ordering: .sequentiallyConsistent)
    let picked = list.withLock { list in
      list.pickForRefill { published.blockCount(slot: $0) }
    }
    if picked != nil { isRefillKnown.store(true, ordering: .relaxed) }
    return picked
  }

  /// Lets go of a picked pool.
  func endRefill(of pool: PagePool<Source>) {
    list.withLock { $0.unpin(pool) }
  }

  /// Gets a new block for a picked pool.
  ///
  /// - Returns: false when the source has none at light effort, or the limit is reached.
  /// - Context: no lock held; may block.
  func refill(_ pool: PagePool<Source>) -> Bool {
    guard totalPages + pool.blockSize <= limit,
      let block = try? allocate(for: pool, effort: .light)
    else { return false }
    give(block, to: pool, from: .buffer)
    return true
  }
}
