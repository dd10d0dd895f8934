// SPDX-License-Identifier: MIT

import PagePools
import TestSupport
import Testing

/// Pools whose blocks are given away have as many ready as went lately (P9).
struct DemandTests {
  private static let millisecond: UInt64 = 1_000_000

  /// A worker on a clock that the test sets.
  private struct Worker: ~Copyable {
    let fixture: PoolFixture
    var pace: RefillPace
    /// Not 0, as no clock is that young.
    var now: UInt64 = 3_600_000 * millisecond

    init(_ fixture: PoolFixture) {
      self.fixture = fixture
      pace = RefillPace(pause: 1_000 * millisecond, poolCapacity: fixture.set.poolCapacity)
    }

    /// Turns until there is nothing to fill.
    ///
    /// - Returns: how long the worker may rest (ms), nil for ever.
    mutating func run() -> UInt64? {
      while true {
        let turn = pace.turn(fixture.set, now: now)
        fixture.set.checkInvariants()
        guard case .mayRest(let end) = turn else { continue }
        return end.map { ($0 - now) / millisecond }
      }
    }

    mutating func sleep(milliseconds: UInt64) { now += milliseconds * millisecond }
  }

  /// Gives blocks away, from the pool or new.
  ///
  /// - Returns: how many were found in the pool.
  @discardableResult
  private func giveAway(_ count: Int, _ pool: PoolID, _ fixture: PoolFixture) throws -> Int {
    var found = 0
    for _ in 0..<count {
      if let block = fixture.set.take(from: pool) {
        found += 1
        fixture.set.handOut(block)
      } else {
        fixture.set.handOut(try fixture.set.allocate(for: pool, effort: .full))
      }
    }
    fixture.set.checkInvariants()
    return found
  }

  @Test func whereNothingIsGivenAway_nothingIsMade() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(4)
    try fixture.stock(2, pool)
    var worker = Worker(fixture)
    #expect(worker.run() == nil)
    #expect(fixture.set.blockCount(of: pool) == 2)
    fixture.close()
  }

  /// A burst is ready the next time, all of it.
  @Test(arguments: [1, 2, 7, 64])
  func burst_isReadyTheNextTime(count: Int) throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1)
    var worker = Worker(fixture)
    #expect(try giveAway(count, pool, fixture) == 0)
    #expect(fixture.set.isDemandNews(of: pool), "the worker must be woken")
    #expect(!fixture.set.isDemandNews(of: pool), "it knows")
    _ = worker.run()
    #expect(fixture.set.blockCount(of: pool) == count)
    #expect(fixture.set.demand(of: pool) == count)
    worker.sleep(milliseconds: 2_000)
    #expect(try giveAway(count, pool, fixture) == count)
    _ = worker.run()
    #expect(fixture.set.blockCount(of: pool) == count)
    fixture.close()
  }

  /// At a steady rate what goes within 50 ms is ready, not what goes in all.
  @Test func steadyRate_isFollowed() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1)
    var worker = Worker(fixture)
    for _ in 0..<1000 {
      try giveAway(1, pool, fixture)
      worker.sleep(milliseconds: 5)
      _ = worker.run()
    }
    #expect((10...12).contains(fixture.set.demand(of: pool)), "\(fixture.set.demand(of: pool))")
    fixture.close()
  }

  /// What is not asked for any more is halved each 10 s, and then the worker rests for good.
  @Test func demand_decays() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1)
    var worker = Worker(fixture)
    try giveAway(64, pool, fixture)
    var rests = 0
    var levels: [Int] = []
    while let rest = worker.run() {
      #expect(rest <= 10_000)
      levels.append(fixture.set.demand(of: pool))
      worker.sleep(milliseconds: rest)
      rests += 1
      try #require(rests < 20, "the worker never rests: \(levels)")
    }
    #expect(levels.first == 64)
    #expect(levels == levels.sorted(by: >))
    #expect(fixture.set.demand(of: pool) == 0)
    // One that is still used now and then stays ready.
    try giveAway(1, pool, fixture)
    for _ in 0..<50 {
      _ = worker.run()
      worker.sleep(milliseconds: 4_000)
      try giveAway(1, pool, fixture)
      #expect(fixture.set.demand(of: pool) == 1)
    }
    fixture.close()
  }

  /// Whoever asks for more than demand calls for gets it, and the other way round.
  @Test func askedMarks_andDemand_theHigherOneCounts() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1)
    var worker = Worker(fixture)
    let marks = try #require(Watermarks(low: 3, high: 5))
    try fixture.set.setWatermarks(marks, of: pool)
    _ = worker.run()
    #expect(fixture.set.blockCount(of: pool) == 5)
    try giveAway(20, pool, fixture)
    _ = worker.run()
    #expect(fixture.set.blockCount(of: pool) == 20)
    #expect(fixture.set.watermarks(of: pool) == Watermarks(low: 3, high: 5))
    while let rest = worker.run(), fixture.set.demand(of: pool) > 0 {
      worker.sleep(milliseconds: rest)
    }
    _ = fixture.set.scan(PageCount(1000))
    _ = worker.run()
    worker.sleep(milliseconds: 2_000)
    _ = worker.run()
    #expect(fixture.set.blockCount(of: pool) == 5)
    fixture.close()
  }

  /// 64 MiB of one size at most, however fast it goes, and 256 blocks; two blocks of any size.
  @Test(arguments: [(1, 256), (64, 256), (1024, 16), (16384, 2), (100_000, 2)])
  func demand_isBounded(pages: Int, most: Int) throws {
    let fixture = PoolFixture(capacity: 1 << 18)
    let pool = try fixture.pool(pages)
    fixture.host.failWhere { $0.effort == .none ? .outOfMemory : nil }
    var worker = Worker(fixture)
    try giveAway(20_000, pool, fixture)
    _ = worker.run()
    #expect(fixture.set.demand(of: pool) == most)
    fixture.close()
  }

  /// No more is called for than half of what the limits let all pools keep: the rest is for others, and a pool that
  /// wants more than it can have would be short for ever.
  @Test(arguments: [
    (MemoryKind.test(), 64, 8), (.test(), 4, 1), (.test(), 3, 0),
    (.test(1, keeping: [.pooledAndDeferred, .countedByBlock]), 64, 3),
  ])
  func demand_isWithinTheLimits(kind: MemoryKind, limit: Int, most: Int) throws {
    let fixture = PoolFixture(limit: limit)
    let pool = try fixture.pool(4, kind: kind)
    fixture.set.setBlockLimit(5)
    var worker = Worker(fixture)
    try giveAway(100, pool, fixture)
    _ = worker.run()
    #expect(fixture.set.demand(of: pool) == most)
    #expect(fixture.set.blockCount(of: pool) == most)
    #expect(fixture.set.totalPages <= PageCount(limit), "the limit of the pools holds")
    fixture.close()
  }

  /// Blocks that go faster than it pays to make them ahead are made ahead once within each 50 ms; nobody wakes the
  /// worker before.
  @Test func demandThatOutrunsAPool_isLeftToTheTakers() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1)
    var worker = Worker(fixture)
    for _ in 0..<10 {
      try giveAway(1_000, pool, fixture)
      worker.sleep(milliseconds: 50)
      _ = worker.run()
      #expect(fixture.set.blockCount(of: pool) == 256)
      #expect(try giveAway(200, pool, fixture) == 200)
      let mayRest = worker.run()
      let rest = try #require(mayRest)
      #expect(rest <= 50)
      #expect(fixture.set.blockCount(of: pool) == 56, "filled once more")
      #expect(!fixture.set.isDemandNews(of: pool), "the worker is woken in vain")
      worker.sleep(milliseconds: rest)
      _ = worker.run()
      #expect(fixture.set.blockCount(of: pool) == 256, "not filled when its time came")
    }
    // Slow again: what is below the mark is made at once.
    worker.sleep(milliseconds: 50)
    _ = worker.run()
    for _ in 0..<3 {
      try giveAway(150, pool, fixture)
      worker.sleep(milliseconds: 10)
      _ = worker.run()
      #expect(fixture.set.blockCount(of: pool) == 256)
      worker.sleep(milliseconds: 100)
      _ = worker.run()
    }
    fixture.close()
  }

  /// What somebody asked to have ready is made however fast it goes.
  @Test func askedMarks_areReached_howeverFastTheyGo() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1)
    try fixture.set.setWatermarks(try #require(Watermarks(low: 500, high: 1000)), of: pool)
    var worker = Worker(fixture)
    _ = worker.run()
    for _ in 0..<3 {
      #expect(try giveAway(1_000, pool, fixture) == 1_000)
      worker.sleep(milliseconds: 50)
      _ = worker.run()
      #expect(fixture.set.blockCount(of: pool) == 1_000)
    }
    fixture.close()
  }

  /// Large blocks are made as fast as a camera takes them, though few can be ready.
  @Test func largeBlocks_atACamerasRate_areReady() throws {
    let fixture = PoolFixture(capacity: 1 << 18)
    let pool = try fixture.pool(16384)
    var worker = Worker(fixture)
    var found = 0
    for _ in 0..<200 {
      found += try giveAway(1, pool, fixture)
      _ = worker.run()
      worker.sleep(milliseconds: 8)
    }
    #expect(found >= 195)
    fixture.close()
  }

  /// Memory pressure ends it for a while, as all filling.
  @Test func shrinker_pausesIt() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1)
    var worker = Worker(fixture)
    try giveAway(8, pool, fixture)
    _ = worker.run()
    _ = fixture.set.scan(PageCount(1000))
    #expect(worker.run() == 1_000)
    #expect(fixture.set.blockCount(of: pool) == 0)
    worker.sleep(milliseconds: 1_000)
    _ = worker.run()
    #expect(fixture.set.blockCount(of: pool) == 8)
    fixture.close()
  }

  /// A pool that takes the place of a destroyed one begins without demand.
  @Test func destroyedPool_isForgotten() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1)
    var worker = Worker(fixture)
    try giveAway(30, pool, fixture)
    _ = worker.run()
    fixture.set.destroy(pool)
    let next = try fixture.pool(2)
    #expect(next == pool)
    #expect(fixture.set.demand(of: next) == 0)
    worker.sleep(milliseconds: 100)
    #expect(worker.run() == nil)
    #expect(fixture.set.blockCount(of: next) == 0)
    try giveAway(2, next, fixture)
    _ = worker.run()
    #expect(fixture.set.demand(of: next) == 2)
    fixture.close()
  }

  @Test func withoutFollowing_nothingIsMade() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1)
    var pace = RefillPace(
      pause: 0, poolCapacity: fixture.set.poolCapacity, followsDemand: false)
    try giveAway(30, pool, fixture)
    #expect(pace.turn(fixture.set, now: 1_000_000_000) == .mayRest(until: nil))
    #expect(fixture.set.blockCount(of: pool) == 0)
    fixture.close()
  }
}
