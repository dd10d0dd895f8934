// SPDX-License-Identifier: MIT

import PagePools
import TestSupport
import Testing

/// The one limit over all pools (P4).
struct PoolLimitTests {
  @Test func give_upToTheLimit_keepsEverything() throws {
    let fixture = PoolFixture(limit: 8)
    let pools = [try fixture.pool(4), try fixture.pool(1)]
    let released = try fixture.released {
      try fixture.stock(1, pools[0])
      try fixture.stock(4, pools[1])
    }
    #expect(released == [])
    #expect(fixture.set.totalPages == PageCount(8))
    fixture.close()
  }

  /// The pool added first loses its blocks first, whatever pool the give is to.
  @Test func give_overTheLimit_shrinksTheOldestPoolFirst() throws {
    let fixture = PoolFixture(limit: 8)
    let pools = [try fixture.pool(4), try fixture.pool(2), try fixture.pool(1)]
    try fixture.stock(1, pools[0])
    try fixture.stock(1, pools[1])
    try fixture.stock(2, pools[2])
    let released = try fixture.released { try fixture.stock(1, pools[2]) }
    #expect(released == [4])
    #expect(fixture.set.totalPages == PageCount(5))
    #expect(fixture.roundRobin == [pools[1], pools[2], pools[0]])
    fixture.close()
  }

  @Test func give_farOverTheLimit_shrinksUntilUnderIt() throws {
    let fixture = PoolFixture(limit: 4)
    let pools = [try fixture.pool(1), try fixture.pool(4)]
    try fixture.stock(4, pools[0])
    let released = try fixture.released { try fixture.stock(1, pools[1]) }
    // One block of each in turn: 8 pages, 7, 3.
    #expect(released == [1, 4])
    #expect(fixture.set.totalPages == PageCount(3))
    fixture.close()
  }

  @Test func give_withLimitZero_poolsNothing() throws {
    let fixture = PoolFixture(limit: 0)
    let pools = [try fixture.pool(1), try fixture.pool(2)]
    let released = try fixture.released {
      try fixture.stock(2, pools[0])
      try fixture.stock(1, pools[1])
    }
    #expect(released == [1, 1, 2])
    #expect(fixture.set.totalPages == .zero)
    #expect(fixture.set.take(from: pools[0]) == nil)
    fixture.close()
  }

  /// A block larger than the limit cannot stay even alone.
  @Test func give_ofBlockAboveTheLimit_isReleased() throws {
    let fixture = PoolFixture(limit: 3)
    let pool = try fixture.pool(4)
    let released = try fixture.released { try fixture.stock(1, pool) }
    #expect(released == [4])
    fixture.close()
  }

  @Test func setLimit_lower_shrinksAtOnce() throws {
    let fixture = PoolFixture(limit: 100)
    let pools = [try fixture.pool(2), try fixture.pool(1)]
    try fixture.stock(3, pools[0])
    try fixture.stock(3, pools[1])
    #expect(fixture.released { fixture.set.setLimit(PageCount(9)) } == [])
    #expect(fixture.set.limit == PageCount(9))
    #expect(fixture.released { fixture.set.setLimit(PageCount(5)) } == [2, 1, 2])
    #expect(fixture.set.totalPages == PageCount(4))
    #expect(fixture.released { fixture.set.setLimit(.zero) } == [1, 2, 1])
    #expect(fixture.set.totalPages == .zero)
    fixture.close()
  }

  @Test func setLimit_higher_keepsMore() throws {
    let fixture = PoolFixture(limit: 1)
    let pool = try fixture.pool(1)
    try fixture.stock(2, pool)
    #expect(fixture.set.blockCount(of: pool) == 1)
    fixture.set.setLimit(PageCount(2))
    try fixture.stock(2, pool)
    #expect(fixture.set.blockCount(of: pool) == 2)
    fixture.close()
  }

  /// A give and a lowered limit that cross each other: one of the two sees the other's doing, so
  /// nothing stays above the limit.
  @Test(.timeLimit(.minutes(20)))
  func setLimit_whileAnotherThreadGives_isObeyed() throws {
    let fixture = PoolFixture(limit: 4, shardCount: 2)
    let pool = try fixture.pool(1)
    let rounds = TestScale.isReleaseBuild && !TestScale.isSanitized ? 20_000 : 2000
    let meeting = Meeting(2)
    let giver = TestThread {
      fixture.host.onShard(1) {
        for _ in 0..<rounds {
          let block = try? fixture.set.allocate(for: pool, effort: .full)
          meeting.wait()
          if let block { fixture.set.give(block, from: .buffer) }
          meeting.wait()
          meeting.wait()
        }
      }
    }
    var excess = 0
    for _ in 0..<rounds {
      meeting.wait()
      fixture.set.setLimit(.zero)
      meeting.wait()
      if fixture.set.totalPages > .zero { excess += 1 }
      fixture.set.setLimit(PageCount(4))
      meeting.wait()
    }
    giver.join()
    #expect(excess == 0)
    fixture.close()
  }
}
