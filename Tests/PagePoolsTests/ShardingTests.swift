// SPDX-License-Identifier: MIT

import PagePools
import TestSupport
import Testing

/// Shards: independent threads, one set (P7).
struct ShardingTests {
  @Test func take_goesToItsOwnShardFirst() throws {
    let fixture = PoolFixture(shardCount: 2)
    let pool = try fixture.pool(1)
    let blocks = try fixture.blocks(2, for: pool)
    fixture.host.onShard(0) { fixture.set.give(blocks[0], from: .buffer) }
    fixture.host.onShard(1) { fixture.set.give(blocks[1], from: .buffer) }
    #expect(fixture.host.onShard(0) { fixture.set.take(from: pool) } == blocks[0])
    #expect(fixture.host.onShard(0) { fixture.set.take(from: pool) } == blocks[1])
    for block in blocks { fixture.set.release(block, from: .buffer) }
    fixture.close()
  }

  /// Each block given on one shard is found from every other.
  @Test func take_findsBlocksOfEveryShard() throws {
    for shardCount in 1...8 {
      let fixture = PoolFixture(shardCount: shardCount)
      #expect(fixture.set.shardCount == shardCount)
      let pool = try fixture.pool(3)
      let block = try fixture.blocks(1, for: pool)[0]
      for giver in 0..<shardCount {
        for taker in 0..<shardCount {
          fixture.host.onShard(giver) { fixture.set.give(block, from: .buffer) }
          #expect(fixture.set.blockCount(of: pool) == 1)
          #expect(fixture.host.onShard(taker) { fixture.set.take(from: pool) } == block)
          fixture.set.checkInvariants()
        }
      }
      fixture.set.release(block, from: .buffer)
      fixture.close()
    }
  }

  /// A host may answer with any number.
  @Test(arguments: [-1, Int.min, Int.max, 3, 4, 1000])
  func currentShard_outOfRange_isUsable(_ hint: Int) throws {
    let fixture = PoolFixture(shardCount: 3)
    let pool = try fixture.pool(1)
    try fixture.host.onShard(hint) {
      let block = try fixture.stock(1, pool)[0]
      #expect(fixture.set.take(from: pool) == block)
      fixture.set.release(block, from: .buffer)
    }
    fixture.close()
  }

  /// Four threads move blocks every way there is, the shrinker runs, and whoever looks sees every
  /// page in exactly one place.
  @Test(.timeLimit(.minutes(10)), arguments: [1, 4])
  func snapshot_underTraffic_isAlwaysBalanced(shardCount: Int) throws {
    let fixture = PoolFixture(limit: 40, shardCount: shardCount, reservationSlack: 4)
    let pools = [try fixture.pool(1), try fixture.pool(4), try fixture.pool(16)]
    let set = fixture.set
    let turns = TestScale.isSanitized ? 2000 : 20_000
    let seeds = SeededGenerator(for: "snapshot_underTraffic_isAlwaysBalanced(\(shardCount))")
    let isDone = Gate()
    let observer = TestThread {
      while !isDone.isOpen {
        set.checkInvariants()
        precondition(set.accounts().isBalanced)
        _ = set.scan(PageCount(2))
        set.forEachPool { _, _, count in precondition(count >= 0) }
      }
    }
    TestThread.run(4) { thread in
      var random = seeds
      for _ in 0..<thread { _ = random.next() }
      random = SeededGenerator(seed: random.next())
      fixture.host.onShard(thread) { work(&random, turns: turns, set, pools) }
    }
    isDone.open()
    observer.join()
    fixture.close()
  }

  private func work(
    _ random: inout SeededGenerator, turns: Int, _ set: PoolSet<TestHost>,
    _ pools: [PoolID]
  ) {
    var held: [(block: TestBlock, isDeferred: Bool)] = []
    for _ in 0..<turns {
      let pool = pools[random.below(pools.count)]
      switch random.below(held.count < 12 ? 8 : 4) {
      case 4...:
        let block = set.take(from: pool) ?? (try? set.allocate(for: pool, effort: .full))
        if let block { held.append((block, false)) }
      case let way:
        guard !held.isEmpty else { continue }
        let at = random.below(held.count)
        let (block, isDeferred) = held[at]
        let holder: BlockHolder = isDeferred ? .deferredFree : .buffer
        if way == 0, !isDeferred {
          set.move(set.source.size(of: block), from: .buffer, to: .deferredFree)
          held[at].isDeferred = true
          continue
        }
        held.swapAt(at, held.count - 1)
        held.removeLast()
        if way == 1 {
          set.release(block, from: holder)
        } else {
          set.give(block, from: holder)
        }
      }
    }
    for (block, isDeferred) in held {
      set.release(block, from: isDeferred ? .deferredFree : .buffer)
    }
  }

  /// Pools come and go while others are shrunk.
  @Test(.timeLimit(.minutes(10)))
  func destroy_underTraffic_losesNothing() throws {
    let fixture = PoolFixture(
      limit: 30, shardCount: 2, poolCapacity: 8, reservationSlack: 3)
    let turns = TestScale.isSanitized ? 300 : 3000
    TestThread.run(3) { thread in
      fixture.host.onShard(thread) {
        for turn in 0..<turns {
          let size = PageCount(1 + turn % 5)
          guard let pool = fixture.set.addPool(blockSize: size, kind: .test(thread))
          else { fatalError("three threads fill eight slots") }
          for _ in 0..<4 {
            guard let block = try? fixture.set.allocate(for: pool, effort: .full) else { continue }
            fixture.set.give(block, from: .buffer)
          }
          _ = fixture.set.scan(PageCount(3))
          fixture.set.destroy(pool)
        }
      }
    }
    fixture.close()
  }
}
