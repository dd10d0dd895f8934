// SPDX-License-Identifier: MIT

import Synchronization

extension PoolSet {
  /// Pages in all pools that count in the limit: the "total pool size" of A1.
  ///
  /// - Complexity: O(shards).
  /// - Context: takes no lock: exact when nobody gives or takes, else of about now.
  @inlinable
  public var totalPages: PageCount {
    var pages = 0
    for shard in 0..<shards.count { pages += shards[shard].countedPages }
    return PageCount(pages)
  }

  /// Blocks in all pools of kinds with `Keeping.countedByBlock`.
  ///
  /// - Complexity: O(shards).
  /// - Context: as ``totalPages``.
  @inlinable
  public var countedBlocks: Int {
    var blocks = 0
    for shard in 0..<shards.count { blocks += shards[shard].countedBlocks }
    return blocks
  }

  /// Blocks of a pool, about now.
  @inlinable
  func publishedBlocks(of pool: PoolID) -> Int {
    var blocks = 0
    for shard in 0..<shards.count { blocks += shards[shard].blockCount(pool.index) }
    return blocks
  }

  /// Where every page is, at one instant (P7).
  ///
  /// - Complexity: O(shards).
  /// - Context: takes all shard locks together.
  @inlinable
  public func accounts() -> PageAccounts {
    var sum = PageAccounts()
    withAllShards { _, state in sum += state.accounts }
    return sum
  }

  /// Blocks a pool has now, on all shards together.
  ///
  /// - Complexity: O(shards).
  /// - Context: takes all shard locks together.
  @inlinable
  public func blockCount(of pool: PoolID) -> Int {
    var count = 0
    withAllShards { _, state in count += state.stocks[pool.index].blockCount }
    return count
  }

  /// Visits the pools there are, in no particular order, with the blocks each has.
  ///
  /// A pool that comes or goes meanwhile may be missing.
  ///
  /// - Complexity: O(poolCapacity + pools × shards).
  /// - Context: takes the list lock and shard locks, none while `body` runs.
  @inlinable
  public func forEachPool(_ body: (_ pool: PoolID, PoolProperties, _ blockCount: Int) -> Void) {
    for index in 0..<poolCapacity {
      let pool = PoolID(index: index)
      let found = list.withLock { $0.isTaken(index) ? propertyTable[pool] : nil }
      if let found { body(pool, found, blockCount(of: pool)) }
    }
  }

  /// Visits every shard, keeping each one's lock until the last was visited, so that what was seen
  /// is the state at one instant: when the last lock was taken.
  @inlinable
  func withAllShards(_ body: (_ shard: Int, borrowing PoolShard<Source>.State) -> Void) {
    func visit(_ shard: Int) {
      guard shard < shards.count else { return }
      shards[shard].state.withLock { state in
        body(shard, state)
        visit(shard + 1)
      }
    }
    visit(0)
  }
}
