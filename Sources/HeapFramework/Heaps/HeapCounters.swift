// SPDX-License-Identifier: MIT

public import PagePools
public import Synchronization

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
public final class HeapCounters<Host: Machine>: Sendable {
  @usableFromInline
  enum Count: Int, CaseIterable {
    case allocations, allocatedPages, frees, freedPages, poolMisses, failures
  }

  @usableFromInline let machine: Host
  @usableFromInline let counts: ShardedCounts

  init(machine: Host, shardCount: Int) {
    self.machine = machine
    counts = ShardedCounts(shardCount: shardCount, countsPerShard: Count.allCases.count)
  }

  @inlinable
  var homeShard: Int { machine.homeShard(of: counts.shardCount) }

  @inlinable
  func add(_ number: Int, to count: Count, of shard: Int) {
    // Releasing, so that whoever sees a buffer freed sees it allocated.
    // Wrapping, which none ever does: a check would make it a loop around an exchange.
    counts[shard, count.rawValue].wrappingAdd(number, ordering: .releasing)
  }

  @inlinable
  func countAllocation(_ pages: PageCount, poolMisses: Int) {
    let shard = homeShard
    add(1, to: .allocations, of: shard)
    add(pages.rawValue, to: .allocatedPages, of: shard)
    if poolMisses > 0 { add(poolMisses, to: .poolMisses, of: shard) }
  }

  @inlinable
  func countFree(_ pages: PageCount) {
    let shard = homeShard
    add(1, to: .frees, of: shard)
    add(pages.rawValue, to: .freedPages, of: shard)
  }

  @inlinable
  func countFailure() {
    add(1, to: .failures, of: homeShard)
  }

  /// The counts of all shards together: exact when nobody allocates or frees, else of about now, and
  /// never with more freed than allocated.
  ///
  /// - Complexity: O(shards).
  /// - Context: takes no lock.
  public func total() -> HeapCounts {
    var sum = HeapCounts()
    sum.frees = total(of: .frees)
    sum.freedPages = PageCount(total(of: .freedPages))
    sum.allocations = total(of: .allocations)
    sum.allocatedPages = PageCount(total(of: .allocatedPages))
    sum.poolMisses = total(of: .poolMisses)
    sum.failures = total(of: .failures)
    return sum
  }

  private func total(of count: Count) -> Int { counts.sum(of: count.rawValue) }
}
