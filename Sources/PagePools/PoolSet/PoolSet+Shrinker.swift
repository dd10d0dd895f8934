// SPDX-License-Identifier: MIT

import Synchronization

extension PoolSet: Shrinker {
  /// Pages in all pools, or empty (P5).
  ///
  /// - Complexity: O(1).
  /// - Context: takes no lock.
  @inlinable
  public func count() -> ShrinkCount {
    ShrinkCount(totalPages)
  }

  /// Releases pooled blocks, one pool after the other, until `target` pages are gone or nothing is
  /// left; at least one block if any is there (P5).
  ///
  /// - Complexity: O(blocks freed × shards + pools).
  /// - Context: takes the list lock and shard locks, one at a time; no lock is held while a block is
  ///   released; may block.
  public func scan(_ target: PageCount) -> ShrinkOutcome {
    ShrinkOutcome(shrink { freed in freed < target || freed == .zero })
  }

  /// Shrinks while the pools hold more than the limit (P4).
  @usableFromInline
  func shrinkToLimit() {
    shrink { _ in totalPages > limit }
  }

  /// Steps through the pools while `isWanted`, which sees the pages freed so far, and any pool yields.
  @discardableResult
  private func shrink(while isWanted: (_ freed: PageCount) -> Bool) -> PageCount {
    var freed = PageCount.zero
    // A full turn that frees nothing means nothing is left. The pool count is read anew: pools
    // may come and go.
    var barrenSteps = 0
    while isWanted(freed), totalPages > .zero {
      let step = shrinkOneBlock()
      freed += step.freed
      barrenSteps = step.freed > .zero ? 0 : barrenSteps + 1
      guard barrenSteps < max(step.poolCount, 1) else { break }
    }
    return freed
  }

  /// One step: the first pool loses one block and goes to the end of the list.
  private func shrinkOneBlock() -> (freed: PageCount, poolCount: Int) {
    let (picked, poolCount) = list.withLock { ($0.pickForShrinking(), $0.count) }
    guard let pool = picked else { return (.zero, 0) }
    // The pin keeps `destroy` waiting until the block is back at its source.
    defer { list.withLock { $0.unpin(pool) } }
    guard let block = withdraw(from: pool) else { return (.zero, poolCount) }
    source.release(block)
    return (pool.blockSize, poolCount)
  }
}
