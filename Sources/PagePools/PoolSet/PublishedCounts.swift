// SPDX-License-Identifier: MIT

public import Synchronization

/// Each shard's block counts and page total, readable without the shard's lock.
///
/// A shard's counts are stored under its lock and are plain stores to lines that no other shard writes, so
/// publishing costs next to nothing. Readers get hints: what they read may be out of date.
@usableFromInline
struct PublishedCounts: ~Copyable, Sendable {
  /// Shard after shard: a count for each pool, the shard's pages, and room that keeps neighbours apart.
  @usableFromInline let counts: StableArray<Atomic<Int>>
  @usableFromInline let shardCount: Int
  @usableFromInline let poolCapacity: Int

  /// Counts in two lines of 64 bytes.
  @inlinable static var separation: Int { 16 }

  @inlinable
  init(shardCount: Int, poolCapacity: Int) {
    self.shardCount = shardCount
    self.poolCapacity = poolCapacity
    counts = StableArray(count: shardCount * (poolCapacity + 1 + Self.separation)) { _ in Atomic(0)
    }
  }

  @inlinable
  func index(_ shard: Int, _ entry: Int) -> Int {
    shard * (poolCapacity + 1 + Self.separation) + entry
  }

  /// Publishes what a shard holds after a change to one pool's stock; the shard's lock is held.
  @inlinable
  func publish(shard: Int, slot: Int, blockCount: Int, pages: PageCount) {
    counts[index(shard, slot)].store(blockCount, ordering: .relaxed)
    counts[index(shard, poolCapacity)].store(pages.rawValue, ordering: .relaxed)
  }

  /// Blocks of a pool on one shard.
  @inlinable
  func blockCount(shard: Int, slot: Int) -> Int {
    counts[index(shard, slot)].load(ordering: .relaxed)
  }

  /// Blocks of a pool on all shards together.
  @inlinable
  func blockCount(slot: Int) -> Int {
    var count = 0
    for shard in 0..<shardCount { count += blockCount(shard: shard, slot: slot) }
    return count
  }

  /// Whether any shard has blocks of a pool.
  @inlinable
  func hasBlocks(slot: Int) -> Bool {
    for shard in 0..<shardCount where blockCount(shard: shard, slot: slot) > 0 {
      return true
    }
    return false
  }

  /// Pages on all shards together.
  @inlinable
  var totalPages: PageCount {
    var pages = 0
    for shard in 0..<shardCount {
      pages += counts[index(shard, poolCapacity)].load(ordering: .relaxed)
    }
    return PageCount(pages)
  }
}
