// SPDX-License-Identifier: MIT

import PagePools
import TestSupport
import Testing

/// Memory that is pooled and that nobody uses goes back (U2).
struct DecayTests {
  /// The worker: its pace, on a clock that the test sets, with an interval of 100.
  private struct Worker: ~Copyable {
    let fixture: PoolFixture
    var pace: DecayPace
    var now: UInt64 = 1_000

    init(_ fixture: PoolFixture, interval: UInt64 = 100) {
      self.fixture = fixture
      pace = DecayPace(interval: interval, poolCapacity: fixture.set.poolCapacity)
    }

    /// Turns until it may rest; the pages of each block released, and what came at last.
    mutating func run() -> (pages: [Int], last: WorkerTurn) {
      var last = WorkerTurn.worked
      let pages = fixture.released {
        while last == .worked {
          last = pace.turn(fixture.set, now: now)
          fixture.set.checkInvariants()
        }
      }
      return (pages, last)
    }

    /// Lets an interval pass.
    mutating func pass() -> [Int] {
      now += 100
      return run().pages
    }
  }

  @Test func withoutInterval_nothingGoes() throws {
    let fixture = PoolFixture()
    try fixture.stock(3, try fixture.pool(1))
    var worker = Worker(fixture, interval: 0)
    #expect(worker.run() == ([], .mayRest(until: nil)))
    #expect(worker.pass() == [])
    #expect(!fixture.set.isDecayDue)
    fixture.close()
  }

  @Test func withoutMemory_nobodyIsWoken_onceSomeIsGiven_somebodyIs() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1)
    var worker = Worker(fixture)
    #expect(!fixture.set.isDecayDue, "nobody asks before a worker has looked")
    #expect(worker.run() == ([], .mayRest(until: nil)))
    try fixture.stock(1, pool)
    #expect(worker.run() == ([], .mayRest(until: nil)), "it was not told")
    #expect(fixture.set.isDecayDue)
    #expect(!fixture.set.isDecayDue, "it is told once")
    #expect(worker.run() == ([], .mayRest(until: 1_100)))
    #expect(!fixture.set.isDecayDue)
    fixture.close()
  }

  /// Half, half of the rest, and so on to nothing; then the worker sleeps for good.
  @Test func idleMemory_isHalved_untilNothingIsLeft() throws {
    let fixture = PoolFixture(shardCount: 2)
    let pools = [try fixture.pool(1), try fixture.pool(4)]
    try fixture.stock(7, pools[0])
    try fixture.host.onShard(1) { _ = try fixture.stock(3, pools[1]) }
    var worker = Worker(fixture)
    #expect(worker.run() == ([], .mayRest(until: 1_100)))
    worker.now = 1_099
    #expect(worker.run() == ([], .mayRest(until: 1_100)))
    worker.now = 1_100
    #expect(worker.run() == ([1, 1, 1, 1, 4, 4], .mayRest(until: 1_200)))
    #expect(worker.pass() == [1, 1, 4])
    #expect(!fixture.set.isDecayDue)
    worker.now = 1_300
    #expect(worker.run() == ([1], .mayRest(until: nil)))
    #expect(fixture.set.accounts() == PageAccounts())
    #expect(worker.pass() == [])
    fixture.close()
  }

  /// The coldest go, also where a stock is spread over shards.
  @Test func theColdest_go() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1)
    let blocks = try fixture.stock(4, pool)
    var worker = Worker(fixture)
    _ = worker.run()
    #expect(worker.pass() == [1, 1])
    #expect(fixture.set.take(from: pool) == blocks[3])
    #expect(fixture.set.take(from: pool) == blocks[2])
    for block in blocks[2...] { fixture.set.give(block, from: .buffer) }
    fixture.close()
  }

  /// What is used now and then stays: the fewest blocks that were there are what nobody needed.
  @Test func usedMemory_stays() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1)
    try fixture.stock(6, pool)
    var worker = Worker(fixture)
    _ = worker.run()
    for expected in [[1], [1], [], []] {
      // Four at a time are in use, if only for a moment.
      let taken = (0..<4).compactMap { _ in fixture.set.take(from: pool) }
      #expect(taken.count == 4)
      for block in taken { fixture.set.give(block, from: .buffer) }
      #expect(worker.pass() == expected)
    }
    #expect(fixture.set.blockCount(of: pool) == 4)
    // Given back in the course of an interval, they are new to it.
    fixture.close()
  }

  @Test func memoryGivenMeanwhile_isNotIdleYet() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1)
    try fixture.stock(2, pool)
    var worker = Worker(fixture)
    _ = worker.run()
    try fixture.stock(10, pool)
    #expect(worker.pass() == [1])
    #expect(worker.pass() == [1, 1, 1, 1, 1, 1])
    fixture.close()
  }

  /// What a shrinker took was untouched; it is not counted again.
  @Test func shrinker_takesOfTheUntouched() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1)
    try fixture.stock(6, pool)
    var worker = Worker(fixture)
    _ = worker.run()
    #expect(fixture.set.scan(PageCount(4)) == PageCount(4))
    try fixture.stock(8, pool)
    #expect(worker.pass() == [1])
    fixture.close()
  }

  /// A block that is used between the interval's end and its turn is not idle.
  @Test func memoryUsedAtTheLastMoment_stays() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1)
    try fixture.stock(4, pool)
    var worker = Worker(fixture)
    _ = worker.run()
    worker.now += 100
    #expect(worker.pace.turn(fixture.set, now: worker.now) == .worked)
    let taken = (0..<4).compactMap { _ in fixture.set.take(from: pool) }
    for block in taken { fixture.set.give(block, from: .buffer) }
    #expect(worker.run().pages == [])
    #expect(fixture.set.blockCount(of: pool) == 4)
    fixture.close()
  }

  /// Marks are left, and nobody wakes again and again for what they keep.
  @Test func watermarks_areKept() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1)
    try fixture.set.setWatermarks(try #require(Watermarks(low: 2, high: 3)), of: pool)
    try fixture.stock(8, pool)
    var worker = Worker(fixture)
    _ = worker.run()
    #expect(worker.pass() == [1, 1, 1])
    #expect(worker.pass() == [1])
    worker.now += 100
    #expect(worker.run() == ([1], .mayRest(until: nil)))
    #expect(fixture.set.blockCount(of: pool) == 3)
    // Somebody who only uses what is kept wakes the worker once for each interval.
    let block = try #require(fixture.set.take(from: pool))
    fixture.set.give(block, from: .buffer)
    #expect(fixture.set.isDecayDue)
    #expect(worker.run() == ([], .mayRest(until: worker.now + 100)))
    #expect(!fixture.set.isDecayDue)
    #expect(worker.pass() == [])
    #expect(fixture.set.isDecayDue)
    fixture.close()
  }

  /// What marks kept goes when they no longer do.
  @Test func watermarksOfNone_keepNothing() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1)
    try fixture.set.setWatermarks(try #require(Watermarks(low: 2, high: 2)), of: pool)
    try fixture.stock(2, pool)
    var worker = Worker(fixture)
    _ = worker.run()
    _ = worker.pass()
    #expect(worker.run() == ([], .mayRest(until: nil)))
    try fixture.set.setWatermarks(.none, of: pool)
    #expect(worker.run() == ([], .mayRest(until: worker.now + 100)))
    #expect(worker.pass() == [1])
    fixture.close()
  }

  /// Memory that is set aside anyway helps nobody who gets it back.
  @Test func memorySetAside_stays() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1, kind: .test(1, keeping: [.pooled, .deferred]))
    try fixture.stock(4, pool)
    var worker = Worker(fixture)
    #expect(worker.run() == ([], .mayRest(until: nil)))
    fixture.close()
  }

  /// Refill does not pause for it: nothing is short.
  @Test func refill_goesOn() throws {
    let fixture = PoolFixture()
    try fixture.stock(2, try fixture.pool(1))
    let pool = try fixture.pool(2)
    var worker = Worker(fixture)
    _ = worker.run()
    #expect(worker.pass() == [1])
    try fixture.set.setWatermarks(try #require(Watermarks(low: 1, high: 1)), of: pool)
    var refill = RefillPace(pause: 1_000, poolCapacity: fixture.set.poolCapacity)
    #expect(refill.turn(fixture.set, now: 0) == .worked)
    fixture.close()
  }

  /// A turn releases 1 MiB or one block, so that freeing and filling are not held up.
  @Test func aTurn_isShort() throws {
    let fixture = PoolFixture()
    try fixture.stock(600, try fixture.pool(1))
    var worker = Worker(fixture)
    _ = worker.run()
    worker.now += 100
    let turns = [256, 44]
    #expect(worker.pace.turn(fixture.set, now: worker.now) == .worked)
    for pages in turns {
      let released = fixture.released {
        #expect(worker.pace.turn(fixture.set, now: worker.now) == .worked)
      }
      #expect(released.count == pages)
    }
    #expect(worker.run() == ([], .mayRest(until: worker.now + 100)))
    fixture.close()
  }

  @Test func intervalsBeyondAllTime_doNotWrap() throws {
    let fixture = PoolFixture()
    try fixture.stock(1, try fixture.pool(1))
    var worker = Worker(fixture, interval: .max)
    #expect(worker.run() == ([], .mayRest(until: .max)))
    fixture.close()
  }
}
