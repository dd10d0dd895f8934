// SPDX-License-Identifier: MIT

import Synchronization

extension PoolSet {
  /// Pages in all pools: the "total pool size" of A1.
  ///
  /// - Complexity: O(shards).
  /// - Context: takes no lock: exact when nobody gives or takes, else of about now.
  @inlinable
  public var totalPages: PageCount { published.totalPages }

  /// Where every page is, at one instant (P7).
  ///
  /// - Complexity: O(shards).
  /// - Context: takes all shard locks together.
  @inlinable
  public func accounts() -> PageAccounts {
    var sum = PageAccounts()
    withAllShards { sum += $0.accounts }
    return sum
  }

  /// Blocks a pool has now, on all shards together.
  ///
  /// - Complexity: O(shards).
  /// - Context: takes all shard locks together.
  @inlinable
  public func blockCount(of pool: PagePool<Source>) -> Int {
    var count = 0
    withAllShards { count += $0.stocks[pool.slot].blockCount }
    return count
  }

  /// Visits the pools there are, in no particular order, with the blocks each has.
  ///
  /// A pool that comes or goes meanwhile may be missing.
  ///
  /// - Complexity: O(poolCapacity + pools × shards).
  /// - Context: takes the list lock and shard locks, none while `body` runs.
  @inlinable
  public func forEachPool(_ body: (_ pool: PagePool<Source>, _ blockCount: Int) -> Void) {
    for slot in 0..<poolCapacity {
      guard let pool = list.withLock({ $0.pool(in: slot) }) else { continue }
      body(pool, blockCount(of: pool))
    }
  }

  /// The pools in the order in which the shrinker will come to them; for tests.
  package func roundRobin() -> [PagePool<Source>] {
    var pools: [PagePool<Source>] = []
    list.withLock { list in
      list.forEach { pools.append($0) }
    }
    return pools
  }

  /// Traps unless stocks, accounts and total agree; for tests.
  ///
  /// - Returns: the accounts at that instant.
  /// - Complexity: O(shards × pools + pooled blocks).
  @discardableResult
  package func checkInvariants() -> PageAccounts {
    var sum = PageAccounts()
    var stocked = PageCount.zero
    var total = PageCount.zero
    var reserved = PageCount.zero
    var allReserved = PageCount.zero
    var index = 0
    withAllShards { shard in
      sum += shard.accounts
      for slot in 0..<poolCapacity {
        precondition(
          published.blockCount(shard: index, slot: slot) == shard.stocks[slot].blockCount,
          "a published count is stale")
      }
      index += 1
      precondition(shard.accounts.isBalanced, "a shard's accounts do not balance")
      let slack = shard.reserved - shard.accounts.pooled
      precondition(slack >= .zero && slack <= reservationSlack, "a reservation does not fit")
      reserved += shard.reserved
      for slot in 0..<shard.stocks.count {
        var blocks = 0
        var pages = PageCount.zero
        shard.stocks[slot].forEach(in: source) { block in
          blocks += 1
          pages += source.pool(of: block).blockSize
          precondition(source.pool(of: block).slot == slot, "a block is in another pool's stock")
        }
        precondition(blocks == shard.stocks[slot].blockCount, "a chain miscounts its blocks")
        precondition(pages == shard.stocks[slot].pages, "a chain miscounts its pages")
        stocked += pages
      }
      total = totalPages
      allReserved = PageCount(reservedPages.load(ordering: .relaxed))
    }
    precondition(sum.isBalanced, "P7: taken != in buffers + deferred + pooled")
    precondition(sum.pooled == stocked, "the accounts and the stocks disagree")
    precondition(reserved == allReserved, "the shards' reservations and their total disagree")
    precondition(sum.pooled == total, "the accounts and the total disagree")
    precondition(
      sum.inBuffers >= .zero && sum.deferred >= .zero && sum.pooled >= .zero, "negative pages")
    return sum
  }

  /// Visits every shard, keeping each one's lock until the last was visited, so that what was seen
  /// is the state at one instant: when the last lock was taken.
  @inlinable
  func withAllShards(_ body: (borrowing PoolShard<Source>) -> Void) {
    func visit(_ shard: Int) {
      guard shard < shards.count else { return }
      shards[shard].withLock { state in
        body(state)
        visit(shard + 1)
      }
    }
    visit(0)
  }
}
