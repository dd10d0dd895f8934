// SPDX-License-Identifier: MIT

public import Synchronization

/// Counts that each shard has for itself, so far apart that no two shards write to the same cache line.
@safe
public struct ShardedCounts: ~Copyable, Sendable {
  @usableFromInline let counts: StableArray<Atomic<Int>>
  @usableFromInline let stride: Int

  /// How many shards there are.
  public let shardCount: Int

  /// Counts in two lines of 64 bytes: the adjacent-line prefetcher pairs them.
  @usableFromInline static var separation: Int { 16 }

  /// Makes `countsPerShard` counts of 0 for each shard.
  ///
  /// - Context: allocates; may block.
  @inlinable
  public init(shardCount: Int, countsPerShard: Int) {
    self.shardCount = shardCount
    stride = countsPerShard + Self.separation
    counts = StableArray(count: shardCount * stride) { _ in Atomic(0) }
  }

  /// One count of a shard.
  @inlinable
  public subscript(shard: Int, count: Int) -> Atomic<Int> {
    unsafeAddress {
      let index = shard * stride + count
      precondition(index >= 0 && index < counts.count, "count out of range")
      return unsafe UnsafePointer(counts.base + index)
    }
  }

  /// One count of all shards together.
  ///
  /// - Complexity: O(shards).
  @inlinable
  public func sum(of count: Int) -> Int {
    var sum = 0
    for shard in 0..<shardCount { sum += self[shard, count].load(ordering: .acquiring) }
    return sum
  }
}
