// SPDX-License-Identifier: MIT

public import Synchronization

/// Each shard's block counts and page total, readable without the shard's lock.
///
/// A shard's counts are stored under its lock and are plain stores to lines that no other shard writes, so
/// publishing costs next to nothing. Readers get hints: what they read may be out of date.
@usableFromInline
struct PublishedCounts: ~Copyable, Sendable {
  /// For each shard a count for each pool, and the shard's pages.
  @usableFromInline let counts: ShardedCounts
  @usableFromInline let poolCapacity: Int

  @inlinable
  init(shardCount: Int, poolCapacity: Int) {
    self.poolCapacity = poolCapacity
    counts = ShardedCounts(shardCount: shardCount, countsPerShard: poolCapacity + 1)
  }

  /// Publishes what a shard holds after a change to one pool's stock; the shard's lock is held.
  @inlinable
  func publish(shard: Int, slot: Int, blockCount: Int, pages: PageCount) {
    counts[shard, slot].store(blockCount, ordering: .relaxed)
    counts[shard, poolCapacity].store(pages.rawValue, ordering: .relaxed)
  }

  /// Blocks of a pool on one shard.
  @inlinable
  func blockCount(shard: Int, slot: Int) -> Int {
    counts[shard, slot].load(ordering: .relaxed)
  }

  /// Blocks of a pool on all shards together.
  @inlinable
  func blockCount(slot: Int) -> Int { counts.sum(of: slot) }

  /// Whether any shard has blocks of a pool.
  @inlinable
  func hasBlocks(slot: Int) -> Bool { blockCount(slot: slot) > 0 }

  /// Pages on all shards together.
  @inlinable
  var totalPages: PageCount { PageCount(counts.sum(of: poolCapacity)) }
}
