// SPDX-License-Identifier: MIT

import PagePools
import Synchronization
import TestSupport
import Testing

/// Pools that are filled ahead of demand (P9).
struct RefillTests {
  /// The worker: its pace, on a clock that the test sets.
  private struct Worker: ~Copyable {
    let fixture: PoolFixture
    var pace: RefillPace
    var now: UInt64 = 5_000

    init(_ fixture: PoolFixture) {
      self.fixture = fixture
      pace = RefillPace(pause: 1_000, poolCapacity: fixture.set.poolCapacity)
    }

    mutating func turn() -> WorkerTurn {
      let turn = pace.turn(fixture.set, now: now)
      fixture.set.checkInvariants()
      return turn
    }

    /// Turns until there is nothing to fill; the pages of each block, and what came at last.
    mutating func fill() -> (pages: [Int], last: WorkerTurn) {
      var pages: [Int] = []
      while true {
        let before = fixture.set.accounts().pooled
        let turn = turn()
        guard turn == .worked else { return (pages, turn) }
        pages.append((fixture.set.accounts().pooled - before).rawValue)
      }
    }
  }

  @Test(arguments: [(-1, 3), (2, 1), (-2, -1)])
  func watermarks_outOfOrder_areNone(_ low: Int, _ high: Int) {
    #expect(Watermarks(low: low, high: high) == nil)
  }

  @Test func withoutWatermarks_nothingIsFilled() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(4)
    var worker = Worker(fixture)
    #expect(worker.turn() == .mayRest(until: nil))
    #expect(fixture.set.take(from: pool) == nil)
    #expect(!fixture.set.isRefillDue(afterTakingFrom: pool))
    #expect(fixture.set.watermarks(of: pool) == .none)
    fixture.close()
  }

  /// From below the low mark up to the high one, and not before the low mark is passed again.
  @Test func fill_endsAtTheHighMark_andBeginsBelowTheLowOne() throws {
    let fixture = PoolFixture(shardCount: 2)
    let pool = try fixture.pool(4, low: 2, high: 5)
    #expect(fixture.set.watermarks(of: pool) == Watermarks(low: 2, high: 5))
    var worker = Worker(fixture)
    #expect(worker.fill() == ([4, 4, 4, 4, 4], .mayRest(until: nil)))
    var taken: [TestBlock] = []
    for left in (2...4).reversed() {
      taken.append(try #require(fixture.set.take(from: pool)))
      #expect(!fixture.set.isRefillDue(afterTakingFrom: pool), "\(left) are left")
      #expect(worker.turn() == .mayRest(until: nil))
    }
    // Another CPU's take counts, too.
    try fixture.host.onShard(1) { taken.append(try #require(fixture.set.take(from: pool))) }
    #expect(fixture.set.isRefillDue(afterTakingFrom: pool))
    #expect(!fixture.set.isRefillDue(afterTakingFrom: pool), "the worker knows already")
    #expect(worker.fill() == ([4, 4, 4, 4], .mayRest(until: nil)))
    #expect(taken.allSatisfy { fixture.host.isZero($0) }, "H6: not zeroed")
    for block in taken { fixture.set.give(block, from: .buffer) }
    #expect(worker.turn() == .mayRest(until: nil))
    fixture.close()
  }

  /// After the worker has found enough, the next shortage is told again.
  @Test func isRefillDue_afterTheWorkerIsIdle_tellsAgain() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1, low: 1, high: 1)
    var worker = Worker(fixture)
    for _ in 0..<3 {
      #expect(worker.fill() == ([1], .mayRest(until: nil)))
      let block = try #require(fixture.set.take(from: pool))
      #expect(fixture.set.isRefillDue(afterTakingFrom: pool))
      fixture.set.release(block, from: .buffer)
    }
    fixture.close()
  }

  @Test func pools_takeTurns() throws {
    let fixture = PoolFixture()
    let pools = [
      try fixture.pool(1, low: 2, high: 2), try fixture.pool(2),
      try fixture.pool(3, low: 1, high: 3),
    ]
    var worker = Worker(fixture)
    #expect(worker.fill() == ([3, 1, 3, 1, 3], .mayRest(until: nil)))
    #expect(fixture.set.blockCount(of: pools[1]) == 0)
    fixture.close()
  }

  @Test func watermarksOfNone_endIt() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1, low: 3, high: 8)
    var worker = Worker(fixture)
    #expect(worker.turn() == .worked)
    try fixture.set.setWatermarks(.none, of: pool)
    #expect(worker.turn() == .mayRest(until: nil))
    #expect(fixture.set.blockCount(of: pool) == 1)
    fixture.close()
  }

  /// The limit is never passed, and what stands in its way is looked at again after a pause only.
  @Test func limit_isKept() throws {
    let fixture = PoolFixture(limit: 12)
    _ = try fixture.pool(4, low: 3, high: 3)
    fixture.set.setLimit(PageCount(9))
    var worker = Worker(fixture)
    #expect(worker.fill() == ([4, 4], .mayRest(until: 6_000)))
    #expect(fixture.host.counts.attempts == 2, "the source was not asked in vain")
    worker.now = 6_000
    #expect(worker.turn() == .mayRest(until: 7_000))
    fixture.set.setLimit(PageCount(12))
    #expect(worker.fill() == ([4], .mayRest(until: nil)))
    fixture.close()
  }

  /// A limit is no shortage: whoever takes a block makes room for another, at once.
  @Test(arguments: [MemoryKind.test(), .test(1, keeping: [.pooledAndDeferred, .countedByBlock])])
  func limitReached_whatIsTakenIsMadeAtOnce(kind: MemoryKind) throws {
    let isCountedByBlock = kind.keeping.contains(.countedByBlock)
    let fixture = PoolFixture(limit: 12)
    let pool = try fixture.pool(4, low: 3, high: 3, kind: kind)
    if isCountedByBlock { fixture.set.setBlockLimit(2) } else { fixture.set.setLimit(PageCount(8)) }
    var worker = Worker(fixture)
    for _ in 0..<3 {
      #expect(worker.fill().last == .mayRest(until: 6_000))
      #expect(fixture.set.blockCount(of: pool) == 2)
      let block = try #require(fixture.set.take(from: pool))
      #expect(fixture.set.isRefillDue(afterTakingFrom: pool), "nobody wakes the worker")
      fixture.set.release(block, from: .buffer)
    }
    fixture.close()
  }

  /// Others have all there may be: whoever finds nothing need not wake the worker each time.
  @Test func limitReached_byOthers_nobodyIsWoken() throws {
    let fixture = PoolFixture(limit: 12)
    try fixture.stock(3, try fixture.pool(4))
    let pool = try fixture.pool(2, low: 1, high: 1)
    var worker = Worker(fixture)
    #expect(worker.fill() == ([], .mayRest(until: 6_000)))
    #expect(fixture.set.take(from: pool) == nil)
    #expect(!fixture.set.isRefillDue(afterTakingFrom: pool))
    fixture.close()
  }

  /// A pool that the limits leave no room for does not keep the others from being filled.
  @Test func poolWithoutRoom_isPassedOver() throws {
    let fixture = PoolFixture(limit: 12)
    _ = try fixture.pool(8, low: 1, high: 1)
    _ = try fixture.pool(2, low: 2, high: 2)
    fixture.set.setLimit(PageCount(6))
    var worker = Worker(fixture)
    #expect(worker.fill() == ([2, 2], .mayRest(until: 6_000)))
    fixture.close()
  }

  @Test func failingSource_isAskedAgainAfterThePause() throws {
    let fixture = PoolFixture()
    _ = try fixture.pool(4, low: 2, high: 2)
    fixture.host.failWhere { $0.effort == .none ? .outOfMemory : nil }
    var worker = Worker(fixture)
    #expect(worker.turn() == .mayRest(until: 6_000))
    #expect(fixture.set.accounts() == PageAccounts())
    worker.now = 5_500
    #expect(worker.turn() == .mayRest(until: 6_000))
    #expect(fixture.host.counts.attempts == 1)
    fixture.host.failWhere(nil)
    worker.now = 6_000
    #expect(worker.fill() == ([4, 4], .mayRest(until: nil)))
    fixture.close()
  }

  /// What a shrinker gave back is not taken again at once.
  @Test func shrinker_pausesFilling() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(4, low: 2, high: 2)
    var worker = Worker(fixture)
    #expect(worker.fill() == ([4, 4], .mayRest(until: nil)))
    #expect(fixture.set.scan(PageCount(100)) == PageCount(8))
    #expect(worker.turn() == .mayRest(until: 6_000))
    // Nobody wakes a worker that knows and must not.
    #expect(fixture.set.take(from: pool) == nil)
    #expect(!fixture.set.isRefillDue(afterTakingFrom: pool))
    worker.now = 5_400
    #expect(worker.turn() == .mayRest(until: 6_000))
    // Each run counts anew.
    #expect(fixture.set.scan(PageCount(1)) == .zero)
    #expect(worker.turn() == .mayRest(until: 6_400))
    worker.now = 6_400
    #expect(worker.fill() == ([4, 4], .mayRest(until: nil)))
    fixture.close()
  }

  /// A pool that is being destroyed waits for the block that is on its way, and its successor in the slot has
  /// no marks.
  @Test(.timeLimit(.minutes(20)))
  func destroy_whileFilling_waitsForIt() throws {
    let fixture = PoolFixture(poolCapacity: 1)
    let pool = try fixture.pool(4, low: 2, high: 2)
    let isAllocating = Gate()
    let mayGoOn = Gate()
    fixture.host.failWhere { _ in
      isAllocating.open()
      mayGoOn.wait()
      return nil
    }
    let filler = TestThread {
      var worker = Worker(fixture)
      _ = worker.pace.turn(fixture.set, now: 0)
    }
    isAllocating.wait()
    let isDestroyed = Gate()
    let destroyer = TestThread {
      fixture.set.destroy(pool)
      isDestroyed.open()
    }
    while fixture.host.relaxCount < 100 { yieldToOthers() }
    #expect(!isDestroyed.isOpen)
    mayGoOn.open()
    filler.join()
    destroyer.join()
    fixture.host.failWhere(nil)
    let successor = try fixture.pool(4)
    var worker = Worker(fixture)
    #expect(worker.turn() == .mayRest(until: nil))
    #expect(fixture.set.watermarks(of: successor) == .none)
    fixture.close()
  }

  /// Threads that take, release and shrink while a worker fills: nothing is lost, and each shortage reaches
  /// the worker.
  @Test(.timeLimit(.minutes(20)))
  func takers_andWorker_together() throws {
    let fixture = PoolFixture(limit: 64, shardCount: 4, reservationSlack: 8)
    let pools = [
      try fixture.pool(1, low: 2, high: 4), try fixture.pool(4, low: 2, high: 4),
    ]
    let isDone = Atomic<Bool>(false)
    let bell = Bell()
    let rounds = TestScale.operations / 100
    let filler = TestThread {
      var pace = RefillPace(pause: 0, poolCapacity: fixture.set.poolCapacity)
      while !isDone.load(ordering: .relaxed) {
        if pace.turn(fixture.set, now: 0) != .worked { bell.wait() }
      }
    }
    TestThread.run(3) { index in
      fixture.host.onShard(index) {
        for round in 0..<rounds {
          let pool = pools[(round + index) % 2]
          let block = fixture.set.take(from: pool)
          if fixture.set.isRefillDue(afterTakingFrom: pool) { bell.ring() }
          if let block { fixture.set.release(block, from: .buffer) }
          if round % 64 == index {
            _ = fixture.set.scan(PageCount(2))
            if fixture.set.isRefillDueAfterShrinking { bell.ring() }
          }
        }
      }
    }
    // Whatever was last, the pools come to their low marks without another call.
    while pools.contains(where: { fixture.set.blockCount(of: $0) < 2 }) { yieldToOthers() }
    isDone.store(true, ordering: .relaxed)
    bell.ring()
    filler.join()
    fixture.close()
  }
}

extension PoolFixture {
  /// Adds a pool with watermarks.
  fileprivate func pool(
    _ pages: Int, low: Int, high: Int, kind: MemoryKind = .test()
  ) throws -> PoolID {
    let pool = try pool(pages, kind: kind)
    try set.setWatermarks(try #require(Watermarks(low: low, high: high)), of: pool)
    return pool
  }
}
