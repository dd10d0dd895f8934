// SPDX-License-Identifier: MIT

import PagePools
import TestSupport
import Testing

/// Many blocks at once: from the source, from pools, and back.
struct BatchTests {
  private func chain(_ blocks: [TestBlock], _ fixture: PoolFixture) -> BlockChain<TestHost> {
    var chain = BlockChain<TestHost>()
    for block in blocks { chain.append(block, in: fixture.host) }
    return chain
  }

  @Test func allocate_ofMany_appendsThemAll() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(4, kind: .test(2))
    let first = try fixture.blocks(1, for: pool)
    var blocks = chain(first, fixture)
    let events = try fixture.host.logging {
      try fixture.set.allocate(5, for: pool, effort: .direct, into: &blocks)
    }
    #expect(events == Array(repeating: .allocated(4, .direct), count: 5))
    #expect(blocks.blockCount == 6)
    #expect(blocks.front == first[0])
    #expect(blocks.pages == PageCount(24))
    #expect(fixture.host.blocks(in: blocks).allSatisfy { fixture.host.pool(of: $0) == pool })
    #expect(fixture.set.checkInvariants().inBuffers == PageCount(24))
    fixture.set.release(blocks, from: .buffer)
    fixture.close()
  }

  /// Whichever of five blocks cannot be had: none is left behind, and what the chain had it keeps.
  @Test func allocate_ofMany_isAllOrNothing() throws {
    let fixture = PoolFixture()
    let pool = try fixture.pool(4)
    let first = try fixture.blocks(2, for: pool)
    var blocks = chain(first, fixture)
    for failing in 1...5 {
      fixture.host.failAllocation(failing, with: .impossible)
      #expect(throws: TestFailure.impossible) {
        try fixture.set.allocate(5, for: pool, effort: .full, into: &blocks)
      }
      #expect(fixture.host.counts.attempts == failing)
      #expect(fixture.host.blocks(in: blocks) == first)
      #expect(blocks.blockCount == 2)
      #expect(blocks.pages == PageCount(8))
      #expect(fixture.host.counts.livePages == 8)
      #expect(fixture.set.checkInvariants().taken == PageCount(8))
    }
    fixture.set.release(blocks, from: .buffer)
    fixture.close()
  }

  /// The taker's own shard first, warmest first, then round the others, as far as is needed.
  @Test func take_ofMany_goesRoundTheShards() throws {
    let fixture = PoolFixture(shardCount: 3, reservationSlack: 5)
    let pool = try fixture.pool(2)
    var stocks: [[TestBlock]] = []
    for (shard, count) in [40, 2, 33].enumerated() {
      try fixture.host.onShard(shard) { stocks.append(try fixture.stock(count, pool)) }
    }
    var blocks = BlockChain<TestHost>()
    let (none, most) = fixture.host.onShard(1) {
      (
        fixture.set.take(0, from: pool, into: &blocks),
        fixture.set.take(60, from: pool, into: &blocks)
      )
    }
    #expect(none == 0)
    #expect(most == 60)
    let expected = stocks[1].reversed() + stocks[2].reversed() + stocks[0].reversed().prefix(25)
    #expect(fixture.host.blocks(in: blocks) == expected)
    #expect(blocks.pages == PageCount(120))
    #expect(fixture.set.checkInvariants().inBuffers == PageCount(120))
    #expect(fixture.set.blockCount(of: pool) == 15)
    #expect(fixture.set.take(60, from: pool, into: &blocks) == 15)
    #expect(fixture.set.take(1, from: pool, into: &blocks) == 0)
    #expect(fixture.set.checkInvariants().pooled == .zero)
    #expect(blocks.blockCount == 75)
    fixture.set.give(blocks, from: .buffer)
    #expect(fixture.set.checkInvariants().pooled == PageCount(150))
    fixture.close()
  }

  /// Blocks of several pools in one chain, some of them of a kind that is not pooled.
  @Test func give_ofMixedChain_sendsEachBlockHome() throws {
    let fixture = PoolFixture()
    let pools = [
      try fixture.pool(1), try fixture.pool(4),
      try fixture.pool(2, kind: .test(1, keeping: .returnedAtOnce)),
    ]
    var all: [TestBlock] = []
    for pool in [0, 0, 1, 2, 2, 0, 1, 1, 2, 0] { all += try fixture.blocks(1, for: pools[pool]) }
    let released = fixture.released { fixture.set.give(chain(all, fixture), from: .buffer) }
    #expect(released == [2, 2, 2])
    #expect(pools.map { fixture.set.blockCount(of: $0) } == [4, 3, 0])
    #expect(fixture.set.checkInvariants().pooled == PageCount(16))
    // The one given last is taken first.
    #expect(fixture.set.take(from: pools[0]) == all[9])
    #expect(fixture.set.take(from: pools[1]) == all[7])
    fixture.set.give(chain([all[7], all[9]], fixture), from: .buffer)
    fixture.close()
  }

  /// A long chain is given in several steps; the limit holds after each.
  @Test(arguments: [0, 7])
  func give_ofLongChain_staysInTheLimit(slack: Int) throws {
    let fixture = PoolFixture(limit: 50, shardCount: 2, reservationSlack: slack)
    let pool = try fixture.pool(1)
    let blocks = try fixture.blocks(90, for: pool)
    let released = fixture.released { fixture.set.give(chain(blocks, fixture), from: .buffer) }
    #expect(released.count == 40)
    #expect(fixture.set.checkInvariants().pooled == PageCount(50))
    #expect(fixture.set.take(from: pool) == blocks[89])
    fixture.set.give(blocks[89], from: .buffer)
    fixture.close()
  }

  @Test func release_ofMixedChain_releasesAll() throws {
    let fixture = PoolFixture()
    let pools = [try fixture.pool(1), try fixture.pool(4)]
    var all: [TestBlock] = []
    for pool in [0, 1, 1, 0] { all += try fixture.blocks(1, for: pools[pool]) }
    let released = fixture.released { fixture.set.release(chain(all, fixture), from: .buffer) }
    #expect(released == [1, 4, 4, 1])
    #expect(fixture.set.checkInvariants() == PageAccounts())
    fixture.close()
  }

  /// One pool's blocks, up to so many pages, and at least one.
  @Test func popBatch_endsAtAnotherPoolOrTheLimit() throws {
    let fixture = PoolFixture()
    let pools = [try fixture.pool(2), try fixture.pool(3)]
    var all: [TestBlock] = []
    for pool in [0, 0, 0, 0, 1, 0] { all += try fixture.blocks(1, for: pools[pool]) }
    var rest = chain(all, fixture)
    for (limit, count) in [(5, 2), (1, 1), (100, 1), (3, 1), (100, 1)] {
      let popped = rest.popBatch(upTo: PageCount(limit), in: fixture.host)
      let (pool, batch) = try #require(popped)
      let taken = Array(all.prefix(count))
      #expect(fixture.host.blocks(in: batch) == taken)
      #expect(batch.blockCount == count)
      #expect(fixture.host.pool(of: taken[0]) == pool)
      all.removeFirst(count)
      #expect(fixture.host.blocks(in: rest) == all)
      #expect(rest.blockCount == all.count)
      fixture.set.release(batch, from: .buffer)
    }
    let isOver = rest.popBatch(upTo: PageCount(9), in: fixture.host) == nil
    #expect(isOver)
    fixture.close()
  }
}
