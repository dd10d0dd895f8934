// SPDX-License-Identifier: MIT

import PagePools
import TestSupport
import Testing

/// How the limit holds without one counter that all CPUs write (P4).
///
/// What a shard keeps reserved shows only near the
/// limit: there a give on another shard has to look at all shards.
struct ReservationTests {
  /// Gives a block that fits into the limit exactly, while another shard has just had a block taken.
  ///
  /// - Returns: the locks that the give took.
  private func locksAtTheLimit(slack: Int) throws -> Int {
    let fixture = PoolFixture(limit: 8, shardCount: 2, reservationSlack: slack)
    let pool = try fixture.pool(1)
    let host = fixture.host
    _ = try host.onShard(0) { try fixture.stock(4, pool) }
    _ = try host.onShard(1) { try fixture.stock(4, pool) }
    let taken = try host.onShard(0) { try #require(fixture.set.take(from: pool)) }
    let other = try fixture.blocks(1, for: pool)[0]
    var locks = 0
    let released = host.onShard(1) {
      fixture.released {
        locks = TestLock.takenInside { fixture.set.give(other, from: .buffer) }
      }
    }
    #expect(released.isEmpty, "8 pages fit into a limit of 8")
    #expect(fixture.set.checkInvariants().pooled == PageCount(8))
    // The block that was taken is one too many now.
    let again = fixture.released { fixture.set.give(taken, from: .buffer) }
    #expect(again == [1])
    fixture.close()
    return locks
  }

  @Test func give_whileAnotherShardKeepsSlack_looksAtAllShards() throws {
    let locks = try locksAtTheLimit(slack: 1)
    #expect(locks > 1, "the other shard has kept nothing of its reservation")
  }

  @Test func give_whenNobodyKeepsSlack_looksAtItsOwnShard() throws {
    #expect(try locksAtTheLimit(slack: 0) == 1)
  }
}
