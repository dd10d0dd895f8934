// SPDX-License-Identifier: MIT

public import Synchronization

extension PoolSet: Shrinker {
  /// Pages in all pools, or empty (P5).
  ///
  /// - Complexity: O(shards).
  /// - Context: takes no lock.
  @inlinable
  public func count() -> ShrinkCount {
    ShrinkCount(totalPages)
  }

  /// Releases pooled blocks, one pool after the other, until `target` pages are gone or nothing is
  /// left; at least one block if any is there (P5).
  ///
  /// - Complexity: O(blocks freed × (pools + shards)).
  /// - Context: takes the list lock and shard locks, one at a time; no lock is held while a block is
  ///   released; may block.
  @inlinable
  public func scan(_ target: PageCount) -> ShrinkOutcome {
    shrinkCount.add(1, ordering: .relaxed)
    return ShrinkOutcome(shrink { freed in freed < target || freed == .zero })
  }

  /// Steps through the pools while `isWanted`, which sees the pages freed so far, and any pool yields.
  @inlinable
  @discardableResult
  func shrink(while isWanted: (_ freed: PageCount) -> Bool) -> PageCount {
    var freed = PageCount.zero
    while isWanted(freed), let pages = shrinkOneBlock() {
      freed += pages
    }
    return freed
  }

  /// One step: the first pool that has blocks loses one and goes to the end of the list.
  ///
  /// - Returns: pages freed, 0 when somebody else took the pool's last block just then; nil when no
  ///   pool has blocks.
  @inlinable
  func shrinkOneBlock() -> PageCount? {
    guard totalPages > .zero else { return nil }
    let picked = list.withLock { list in list.pickForShrinking { published.hasBlocks(slot: $0) } }
    guard let pool = picked else { return nil }
    // The pin keeps `destroy` waiting until the block is back at its source.
    defer { list.withLock { $0.unpin(pool) } }
    guard let block = withdraw(from: pool) else { return .zero }
    source.release(block)
    return pool.blockSize
  }
}
