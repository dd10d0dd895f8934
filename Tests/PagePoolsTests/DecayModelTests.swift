// SPDX-License-Identifier: MIT

import PagePools
import Synchronization
import TestSupport
import Testing

/// Decay against a model that remembers of each block since when it is pooled, and from many threads.
struct DecayModelTests {
  /// A block and the interval in which it was given.
  private struct Pooled {
    let block: TestBlock
    let interval: Int
  }

  @Test func random_releasesHalfOfWhatStayed() throws {
    var generator = SeededGenerator(for: "random_releasesHalfOfWhatStayed")
    let fixture = PoolFixture(shardCount: 2, reservationSlack: 3)
    let pool = try fixture.pool(1)
    var pace = DecayPace(interval: 1, poolCapacity: fixture.set.poolCapacity)
    var stocks: [[Pooled]] = [[], []]
    var interval = 0
    var isRunning = false
    for _ in 0..<TestScale.operations / 10 {
      let shard = generator.below(2)
      fixture.host.onShard(shard) {
        switch generator.below(40) {
        case 0..<18:
          guard let block = try? fixture.set.allocate(for: pool, effort: .full) else { return }
          fixture.set.give(block, from: .buffer)
          stocks[shard].append(Pooled(block: block, interval: interval))
        case 18..<36:
          let from = stocks[shard].isEmpty ? 1 - shard : shard
          let taken = fixture.set.take(from: pool)
          #expect(taken == stocks[from].popLast()?.block)
          if let taken { fixture.set.release(taken, from: .buffer) }
        case 36:
          let fullest = stocks[1].count > stocks[0].count ? 1 : 0
          #expect(fixture.set.scan(PageCount(1)).rawValue == min(stocks[fullest].count, 1))
          if !stocks[fullest].isEmpty { stocks[fullest].removeFirst() }
        default:
          if !isRunning, fixture.set.isDecayDue || interval == 0 {
            // Told of anything, it waits for one interval at least; at the start it looks by itself.
            let turn = pace.turn(fixture.set, now: UInt64(interval))
            isRunning = turn != .mayRest(until: nil)
            #expect(isRunning || interval == 0)
            interval += 1
            return
          }
          guard isRunning else { return }
          var expected: [TestBlock] = []
          let untouched = stocks.map { $0.count { $0.interval < interval } }
          var quota = (untouched.reduce(0, +) + 1) / 2
          for shard in 0..<2 {
            let some = min(quota, untouched[shard])
            expected += stocks[shard].prefix(some).map(\.block)
            stocks[shard].removeFirst(some)
            quota -= some
          }
          let before = fixture.set.blockCount(of: pool)
          var turn = pace.turn(fixture.set, now: UInt64(interval))
          while turn == .worked { turn = pace.turn(fixture.set, now: UInt64(interval)) }
          #expect(before - fixture.set.blockCount(of: pool) == expected.count)
          let isEmpty = stocks.allSatisfy(\.isEmpty)
          #expect(turn == .mayRest(until: isEmpty ? nil : UInt64(interval + 1)))
          isRunning = !isEmpty
          interval += 1
        }
      }
      fixture.set.checkInvariants()
    }
    fixture.close()
  }

  /// Threads give and take while a worker lets memory decay and sleeps: whatever was last, all goes back
  /// without another call.
  @Test(.timeLimit(.minutes(20)))
  func givers_andWorker_together() throws {
    let fixture = PoolFixture(limit: 1000, shardCount: 4, reservationSlack: 8)
    let pools = [try fixture.pool(1), try fixture.pool(4)]
    let isDone = Atomic<Bool>(false)
    let bell = Bell()
    let worker = TestThread {
      var pace = DecayPace(interval: 1, poolCapacity: fixture.set.poolCapacity)
      var now: UInt64 = 0
      while !isDone.load(ordering: .relaxed) {
        now += 1
        if pace.turn(fixture.set, now: now) == .mayRest(until: nil) { bell.wait() }
      }
    }
    for _ in 0..<10 {
      TestThread.run(3) { index in
        fixture.host.onShard(index) {
          for round in 0..<TestScale.operations / 5_000 {
            let pool = pools[(round + index) % 2]
            let block = fixture.set.take(from: pool)
            let given = block ?? (try? fixture.set.allocate(for: pool, effort: .full))
            if let given { fixture.set.give(given, from: .buffer) }
            if fixture.set.isDecayDue { bell.ring() }
          }
        }
      }
      while fixture.set.accounts().pooled > .zero { yieldToOthers() }
    }
    isDone.store(true, ordering: .relaxed)
    bell.ring()
    worker.join()
    fixture.close()
  }
}
