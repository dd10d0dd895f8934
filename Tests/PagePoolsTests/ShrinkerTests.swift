// SPDX-License-Identifier: MIT

import PagePools
import Synchronization
import TestSupport
import Testing

/// Counting and scanning all pools (P5).
struct ShrinkerTests {
  let fixture = PoolFixture()

  @Test func count_withoutPools_isEmpty() {
    #expect(fixture.set.reclaimablePages() == .zero)
    #expect(fixture.set.scan(PageCount(1)) == .zero)
    #expect(fixture.set.scan(.zero) == .zero)
    fixture.close()
  }

  @Test func count_isPagesOfAllPools() throws {
    let pools = [try fixture.pool(1), try fixture.pool(8)]
    #expect(fixture.set.reclaimablePages() == .zero)
    try fixture.stock(3, pools[0])
    try fixture.stock(2, pools[1])
    #expect(fixture.set.reclaimablePages() == PageCount(19))
    fixture.close()
  }

  @Test func scan_ofEmptyPools_stops() throws {
    let pools = [try fixture.pool(1), try fixture.pool(2)]
    #expect(fixture.set.scan(PageCount(5)) == .zero)
    #expect(fixture.roundRobin == pools)
    fixture.close()
  }

  @Test func scan_takesOneBlockOfEachPoolInTurn() throws {
    let pools = [try fixture.pool(1), try fixture.pool(2), try fixture.pool(4)]
    for pool in pools { try fixture.stock(2, pool) }
    var outcome = PageCount.zero
    let released = fixture.released { outcome = fixture.set.scan(PageCount(8)) }
    #expect(released == [1, 2, 4, 1])
    #expect(outcome == PageCount(8))
    #expect(fixture.roundRobin == [pools[1], pools[2], pools[0]])
    // The next scan goes on where this one stopped, past pools that are empty now.
    #expect(fixture.released { _ = fixture.set.scan(PageCount(6)) } == [2, 4])
    #expect(fixture.set.reclaimablePages() == .zero)
    fixture.close()
  }

  @Test func scan_withOneStockedPool_keepsTakingFromIt() throws {
    let pools = [try fixture.pool(1), try fixture.pool(2), try fixture.pool(4)]
    try fixture.stock(3, pools[1])
    #expect(fixture.released { _ = fixture.set.scan(PageCount(100)) } == [2, 2, 2])
    #expect(fixture.set.scan(PageCount(1)) == .zero)
    fixture.close()
  }

  @Test func scan_stopsAsSoonAsEnoughIsFree() throws {
    let pool = try fixture.pool(3)
    try fixture.stock(5, pool)
    #expect(fixture.set.scan(PageCount(6)) == PageCount(6))
    #expect(fixture.set.blockCount(of: pool) == 3)
    #expect(fixture.set.scan(PageCount(4)) == PageCount(6))
    #expect(fixture.set.blockCount(of: pool) == 1)
    fixture.close()
  }

  @Test func scan_ofNothing_freesOneBlockAllTheSame() throws {
    let pool = try fixture.pool(4)
    try fixture.stock(2, pool)
    #expect(fixture.set.scan(.zero) == PageCount(4))
    #expect(fixture.set.blockCount(of: pool) == 1)
    fixture.close()
  }

  /// The warmest blocks are for takers: what has been in the pool for longest goes first.
  @Test func scan_releasesTheBlocksGivenFirst() throws {
    let pool = try fixture.pool(1)
    let blocks = try fixture.stock(4, pool)
    _ = fixture.set.scan(PageCount(2))
    for block in [blocks[3], blocks[2]] {
      #expect(fixture.set.take(from: pool) == block)
      fixture.set.release(block, from: .buffer)
    }
    #expect(fixture.set.take(from: pool) == nil)
    fixture.close()
  }

  /// Each shard keeps some for its takers: the one with most blocks of the pool gives, however many
  /// pages of other pools it has.
  @Test func scan_takesFromTheFullestShard() throws {
    let sharded = PoolFixture(shardCount: 3)
    let pool = try sharded.pool(1)
    let other = try sharded.pool(1, kind: .test(1))
    var stocks: [[TestBlock]] = []
    for (shard, count) in [2, 4, 3].enumerated() {
      try sharded.host.onShard(shard) { stocks.append(try sharded.stock(count, pool)) }
    }
    try sharded.host.onShard(0) { _ = try sharded.stock(9, other) }
    let log = Locked<[TestBlock], SpinLock>([])
    sharded.host.onRelease { block in log.withLock { $0.append(block) } }
    #expect(sharded.set.reclaim(PageCount(5)) { $0.kind.number == 0 } == PageCount(5))
    sharded.host.onRelease(nil)
    let released = log.withLock { $0 }
    // Where several have as much, the first gives.
    #expect(
      released == [stocks[1][0], stocks[1][1], stocks[2][0], stocks[0][0], stocks[1][2]])
    #expect(sharded.set.blockCount(of: other) == 9)
    sharded.close()
  }

  @Test func scan_findsBlocksOnEveryShard() throws {
    let sharded = PoolFixture(shardCount: 4)
    let pool = try sharded.pool(1)
    for shard in 0..<4 {
      try sharded.host.onShard(shard) { _ = try sharded.stock(1, pool) }
    }
    #expect(sharded.set.scan(PageCount(100)) == PageCount(4))
    #expect(sharded.set.reclaimablePages() == .zero)
    sharded.close()
  }

  /// The host traps when a block is released with a lock held, so that this gets through, blocked
  /// shrinker and all, says that give, take and observation need none of the shrinker's locks.
  @Test(.timeLimit(.minutes(20)))
  func scan_blockedInRelease_holdsUpNobody() throws {
    let pools = [try fixture.pool(1), try fixture.pool(2)]
    try fixture.stock(2, pools[0])
    try fixture.stock(2, pools[1])
    let isReleasing = Gate()
    let mayGoOn = Gate()
    fixture.host.onRelease { _ in
      isReleasing.open()
      mayGoOn.wait()
    }
    let shrinker = TestThread { _ = fixture.set.scan(PageCount(1)) }
    isReleasing.wait()
    fixture.host.onRelease(nil)
    // The shrinker's block is neither pooled nor taken any more.
    #expect(fixture.set.checkInvariants().taken == PageCount(5))
    #expect(fixture.set.reclaimablePages() == PageCount(5))
    let block = try #require(fixture.set.take(from: pools[0]))
    fixture.set.give(block, from: .buffer)
    #expect(fixture.set.scan(PageCount(1)) == PageCount(2))
    let extra = try fixture.pool(4)
    fixture.set.destroy(extra)
    mayGoOn.open()
    shrinker.join()
    #expect(fixture.set.reclaimablePages() == PageCount(3))
    fixture.close()
  }
}
