// SPDX-License-Identifier: MIT

import PagePools
import TestSupport
import Testing

/// Counting and scanning all pools (P5).
struct ShrinkerTests {
  let fixture = PoolFixture()

  @Test func count_withoutPools_isEmpty() {
    #expect(fixture.set.count() == .empty)
    #expect(fixture.set.scan(PageCount(1)) == .stop)
    #expect(fixture.set.scan(.zero) == .stop)
    fixture.close()
  }

  @Test func count_isPagesOfAllPools() throws {
    let pools = [try fixture.pool(1), try fixture.pool(8)]
    #expect(fixture.set.count() == .empty)
    #expect(fixture.set.count().pages == .zero)
    try fixture.stock(3, pools[0])
    try fixture.stock(2, pools[1])
    #expect(fixture.set.count() == .pages(PageCount(19)))
    #expect(fixture.set.count().pages == PageCount(19))
    fixture.close()
  }

  @Test func scan_ofEmptyPools_stops() throws {
    let pools = [try fixture.pool(1), try fixture.pool(2)]
    #expect(fixture.set.scan(PageCount(5)) == .stop)
    #expect(fixture.roundRobin == pools)
    fixture.close()
  }

  @Test func scan_takesOneBlockOfEachPoolInTurn() throws {
    let pools = [try fixture.pool(1), try fixture.pool(2), try fixture.pool(4)]
    for pool in pools { try fixture.stock(2, pool) }
    var outcome = ShrinkOutcome.stop
    let released = fixture.released { outcome = fixture.set.scan(PageCount(8)) }
    #expect(released == [1, 2, 4, 1])
    #expect(outcome == .freed(PageCount(8)))
    #expect(fixture.roundRobin == [pools[1], pools[2], pools[0]])
    // The next scan goes on where this one stopped, past pools that are empty now.
    #expect(fixture.released { _ = fixture.set.scan(PageCount(6)) } == [2, 4])
    #expect(fixture.set.count() == .empty)
    fixture.close()
  }

  @Test func scan_withOneStockedPool_keepsTakingFromIt() throws {
    let pools = [try fixture.pool(1), try fixture.pool(2), try fixture.pool(4)]
    try fixture.stock(3, pools[1])
    #expect(fixture.released { _ = fixture.set.scan(PageCount(100)) } == [2, 2, 2])
    #expect(fixture.set.scan(PageCount(1)) == .stop)
    fixture.close()
  }

  @Test func scan_stopsAsSoonAsEnoughIsFree() throws {
    let pool = try fixture.pool(3)
    try fixture.stock(5, pool)
    #expect(fixture.set.scan(PageCount(6)) == .freed(PageCount(6)))
    #expect(fixture.set.blockCount(of: pool) == 3)
    #expect(fixture.set.scan(PageCount(4)) == .freed(PageCount(6)))
    #expect(fixture.set.blockCount(of: pool) == 1)
    fixture.close()
  }

  @Test func scan_ofNothing_freesOneBlockAllTheSame() throws {
    let pool = try fixture.pool(4)
    try fixture.stock(2, pool)
    #expect(fixture.set.scan(.zero) == .freed(PageCount(4)))
    #expect(fixture.set.blockCount(of: pool) == 1)
    fixture.close()
  }

  /// The warmest blocks stay longest with their taker, so the shrinker gets them first, too: a pool
  /// is one stack.
  @Test func scan_releasesTheBlockGivenLast() throws {
    let pool = try fixture.pool(1)
    let blocks = try fixture.stock(2, pool)
    _ = fixture.set.scan(PageCount(1))
    #expect(fixture.set.take(from: pool) == blocks[0])
    fixture.set.release(blocks[0], from: .buffer)
    fixture.close()
  }

  @Test func scan_findsBlocksOnEveryShard() throws {
    let sharded = PoolFixture(shardCount: 4)
    let pool = try sharded.pool(1)
    for shard in 0..<4 {
      try sharded.host.onShard(shard) { _ = try sharded.stock(1, pool) }
    }
    #expect(sharded.set.scan(PageCount(100)) == .freed(PageCount(4)))
    #expect(sharded.set.count() == .empty)
    sharded.close()
  }

  /// The host traps when a block is released with a lock held, so that this gets through, blocked
  /// shrinker and all, says that give, take and observation need none of the shrinker's locks.
  @Test(.timeLimit(.minutes(5)))
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
    #expect(fixture.set.count() == .pages(PageCount(5)))
    let block = try #require(fixture.set.take(from: pools[0]))
    fixture.set.give(block, to: pools[0], from: .buffer)
    #expect(fixture.set.scan(PageCount(1)) == .freed(PageCount(2)))
    let extra = try fixture.pool(4)
    fixture.set.destroy(extra)
    mayGoOn.open()
    shrinker.join()
    #expect(fixture.set.count() == .pages(PageCount(3)))
    fixture.close()
  }
}
