// SPDX-License-Identifier: MIT

import PagePools
import TestSupport
import Testing

/// How many blocks may be pooled that each hold something scarce, whatever their sizes (U1).
struct BlockLimitTests {
  private static let file = MemoryKind.test(1, keeping: [.pooledAndDeferred, .countedByBlock])

  @Test func withoutALimit_thereIsNone() throws {
    let fixture = PoolFixture()
    #expect(fixture.set.blockLimit == .max)
    try fixture.stock(100, try fixture.pool(1, kind: Self.file))
    #expect(fixture.set.countedBlocks == 100)
    fixture.close()
  }

  /// At the limit a give releases a block, of whichever pool's turn it is; other kinds are not touched.
  @Test(arguments: [0, 8])
  func limit_isExact_overAllPools(slack: Int) throws {
    let fixture = PoolFixture(shardCount: 2, reservationSlack: slack)
    let pools = [
      try fixture.pool(1), try fixture.pool(2, kind: Self.file),
      try fixture.pool(4, kind: Self.file),
    ]
    fixture.set.setBlockLimit(5)
    try fixture.stock(9, pools[0])
    try fixture.host.onShard(1) { _ = try fixture.stock(3, pools[1]) }
    try fixture.stock(2, pools[2])
    #expect(fixture.set.countedBlocks == 5)
    #expect(fixture.released { _ = try? fixture.stock(1, pools[2]) } == [2])
    #expect(fixture.released { _ = try? fixture.stock(1, pools[1]) } == [4])
    #expect(fixture.set.countedBlocks == 5)
    #expect(fixture.set.blockCount(of: pools[0]) == 9)
    // Those that were taken make room for as many.
    let taken = [fixture.set.take(from: pools[1]), fixture.set.take(from: pools[2])]
    #expect(fixture.released { _ = try? fixture.stock(2, pools[1]) } == [])
    for block in taken.compactMap({ $0 }) { fixture.set.release(block, from: .buffer) }
    fixture.set.checkInvariants()
    fixture.close()
  }

  /// However blocks come and go on all shards, there are as many as the limit allows, and never more.
  @Test func random_keepsTheLimit() throws {
    var generator = SeededGenerator(for: "random_keepsTheLimit")
    let fixture = PoolFixture(shardCount: 4, reservationSlack: 16)
    let pools = [
      try fixture.pool(1, kind: Self.file), try fixture.pool(3, kind: Self.file),
      try fixture.pool(2),
    ]
    var limit = 20
    fixture.set.setBlockLimit(limit)
    var pooled = 0
    for _ in 0..<TestScale.operations / 10 {
      try fixture.host.onShard(generator.below(4)) {
        // The third pool's blocks do not count: they would grow until the source has no more.
        let isFull = fixture.set.blockCount(of: pools[2]) > 500
        let index = generator.below(isFull ? 2 : 3)
        switch generator.below(20) {
        case 0:
          limit = generator.below(30)
          fixture.set.setBlockLimit(limit)
          pooled = min(pooled, limit)
        case 1..<10:
          guard let block = fixture.set.take(from: pools[index]) else { return }
          fixture.set.release(block, from: .buffer)
          if index < 2 { pooled -= 1 }
        case 10:
          let blocks = try fixture.blocks(3, for: pools[index])
          var chain = BlockChain<TestHost>()
          for block in blocks { chain.append(block, in: fixture.host) }
          fixture.set.give(chain, from: .buffer)
          if index < 2 { pooled = min(pooled + 3, limit) }
        default:
          try fixture.stock(1, pools[index])
          if index < 2 { pooled = min(pooled + 1, limit) }
        }
      }
      fixture.set.checkInvariants()
      #expect(fixture.set.countedBlocks == pooled)
    }
    fixture.close()
  }

  @Test func lowering_shrinksAtOnce_toNothingIfNeedBe() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1, kind: Self.file)
    try fixture.stock(6, pool)
    fixture.set.setBlockLimit(2)
    #expect(fixture.set.blockCount(of: pool) == 2)
    fixture.set.setBlockLimit(0)
    #expect(fixture.set.blockCount(of: pool) == 0)
    #expect(!fixture.set.keeps(fixture.set.properties(of: pool)), "there is no use in zeroing")
    #expect(fixture.released { _ = try? fixture.stock(1, pool) } == [1])
    fixture.set.setBlockLimit(1)
    #expect(fixture.set.keeps(fixture.set.properties(of: pool)))
    fixture.close()
  }

  /// What is made ahead of demand stays within it, too.
  @Test func refill_keepsTheLimit() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(1, kind: Self.file)
    fixture.set.setBlockLimit(3)
    try fixture.set.setWatermarks(try #require(Watermarks(low: 5, high: 5)), of: pool)
    var pace = RefillPace(pause: 10, poolCapacity: fixture.set.poolCapacity)
    for _ in 0..<3 { #expect(pace.turn(fixture.set, now: 0) == .worked) }
    #expect(pace.turn(fixture.set, now: 0) == .mayRest(until: 10))
    #expect(fixture.set.blockCount(of: pool) == 3)
    #expect(fixture.host.counts.attempts == 3, "no block was made in vain")
    fixture.close()
  }
}
