// SPDX-License-Identifier: MIT

public import PagePools

/// What one heap has done so far: cheap to keep, cheap to read (A1).
///
/// Counts only grow, so differences between two readings are rates; live figures are differences
/// between two counts.
@frozen
public struct HeapCounts: Equatable, Sendable, BitwiseCopyable {
  /// Buffers handed out.
  public var allocations = 0
  /// Pages of the buffers handed out.
  public var allocatedPages = PageCount.zero
  /// Buffers freed by their owners.
  public var frees = 0
  /// Pages of the buffers freed by their owners.
  public var freedPages = PageCount.zero
  /// Blocks that had to come from the source because their pool was empty.
  public var poolMisses = 0
  /// Requests that failed.
  public var failures = 0

  /// Nothing done yet.
  @inlinable
  public init() {}

  /// Buffers handed out and not freed.
  @inlinable
  public var liveBuffers: Int { allocations - frees }

  /// Pages of the buffers handed out and not freed.
  @inlinable
  public var livePages: PageCount { allocatedPages - freedPages }

  /// Adds another shard's or heap's counts.
  @inlinable
  public static func += (left: inout HeapCounts, right: HeapCounts) {
    left.allocations += right.allocations
    left.allocatedPages += right.allocatedPages
    left.frees += right.frees
    left.freedPages += right.freedPages
    left.poolMisses += right.poolMisses
    left.failures += right.failures
  }
}

/// The counts of one heap, kept apart for each shard so that threads do not share a cache line.
public final class HeapCounters<Host: PageSource>: Sendable {
  @usableFromInline let host: Host
  @usableFromInline let shards: StableArray<Locked<HeapCounts, Host.Lock>>

  init(host: Host, shardCount: Int) {
    self.host = host
    shards = StableArray(count: shardCount) { shard in Locked(rank: shard, HeapCounts()) }
  }

  @inlinable
  func update(_ body: (inout HeapCounts) -> Void) {
    let hint = host.currentShard
    shards[hint >= 0 && hint < shards.count ? hint : abs(hint % shards.count)].withLock(body)
  }

  @inlinable
  func countAllocation(_ pages: PageCount, poolMisses: Int) {
    update { counts in
      counts.allocations += 1
      counts.allocatedPages += pages
      counts.poolMisses += poolMisses
    }
  }

  @inlinable
  func countFree(_ pages: PageCount) {
    update { counts in
      counts.frees += 1
      counts.freedPages += pages
    }
  }

  @inlinable
  func countFailure() {
    update { $0.failures += 1 }
  }

  /// The counts of all shards together.
  ///
  /// - Complexity: O(shards).
  /// - Context: takes each shard's lock in turn.
  public func total() -> HeapCounts {
    var sum = HeapCounts()
    for shard in 0..<shards.count {
      sum += shards[shard].withLock { $0 }
    }
    return sum
  }
}
