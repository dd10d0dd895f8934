// SPDX-License-Identifier: MIT

import PagePools
import TestSupport
import Testing

/// Destroying pools (P6).
struct PoolDestructionTests {
  @Test func destroy_releasesEveryBlockOfEveryShard() throws {
    let fixture = PoolFixture(shardCount: 3)
    let pools = [try fixture.pool(2), try fixture.pool(1)]
    for shard in 0..<3 {
      try fixture.host.onShard(shard) { _ = try fixture.stock(2, pools[0]) }
    }
    try fixture.stock(1, pools[1])
    let released = fixture.released { fixture.set.destroy(pools[0]) }
    #expect(released == [2, 2, 2, 2, 2, 2])
    #expect(fixture.set.checkInvariants().pooled == PageCount(1))
    #expect(fixture.roundRobin == [pools[1]])
    fixture.close()
  }

  @Test func destroy_anyPoolOfThree_keepsTheOthersInOrder() throws {
    for gone in 0..<3 {
      let fixture = PoolFixture()
      var pools = [try fixture.pool(1), try fixture.pool(2), try fixture.pool(3)]
      fixture.set.destroy(pools.remove(at: gone))
      #expect(fixture.roundRobin == pools)
      fixture.set.checkInvariants()
      let added = try fixture.pool(4)
      #expect(added.index == gone)
      #expect(fixture.roundRobin == pools + [added])
      for pool in pools + [added] { try fixture.stock(1, pool) }
      let sizes = (pools + [added]).map { fixture.set.size(of: $0).rawValue }
      #expect(fixture.released { _ = fixture.set.scan(PageCount(100)) } == sizes)
      fixture.close()
    }
  }

  /// A slot that is free again starts with an empty pool.
  @Test func destroy_thenAdd_reusesTheSlot() throws {
    let fixture = PoolFixture(poolCapacity: 1)
    for size in 1...5 {
      let pool = try fixture.pool(size)
      #expect(pool.index == 0)
      #expect(fixture.set.take(from: pool) == nil)
      try fixture.stock(size, pool)
      fixture.set.destroy(pool)
    }
    fixture.close()
  }

  @Test(.timeLimit(.minutes(20)))
  func destroy_whileShrinkerReleases_waitsForIt() throws {
    let fixture = PoolFixture()
    let pools = [try fixture.pool(1), try fixture.pool(2)]
    try fixture.stock(2, pools[0])
    try fixture.stock(1, pools[1])
    let isReleasing = Gate()
    let mayGoOn = Gate()
    let isDestroyed = Gate()
    fixture.host.onRelease { _ in
      isReleasing.open()
      mayGoOn.wait()
    }
    let shrinker = TestThread { _ = fixture.set.scan(PageCount(1)) }
    isReleasing.wait()
    fixture.host.onRelease(nil)
    let destroyer = TestThread {
      fixture.set.destroy(pools[0])
      isDestroyed.open()
    }
    // It has seen the pin, many times over, and is still there.
    while fixture.host.relaxCount < 100 { yieldToOthers() }
    #expect(!isDestroyed.isOpen)
    #expect(fixture.host.counts.released == 0)
    // Meanwhile it is off the list, so another shrinker goes to the next pool, and its slot is taken.
    #expect(fixture.set.scan(PageCount(1)) == PageCount(2))
    #expect(fixture.roundRobin == [pools[1]])
    let added = try fixture.pool(1)
    #expect(added.index == 2)
    mayGoOn.open()
    shrinker.join()
    destroyer.join()
    #expect(isDestroyed.isOpen)
    #expect(fixture.host.counts.released == 3)
    fixture.close()
  }

  /// Another pool's shrinker step is nobody's business.
  @Test(.timeLimit(.minutes(20)))
  func destroy_whileShrinkerReleasesOfAnotherPool_doesNotWait() throws {
    let fixture = PoolFixture()
    let pools = [try fixture.pool(1), try fixture.pool(2)]
    try fixture.stock(1, pools[0])
    let isReleasing = Gate()
    let mayGoOn = Gate()
    fixture.host.onRelease { _ in
      isReleasing.open()
      mayGoOn.wait()
    }
    let shrinker = TestThread { _ = fixture.set.scan(PageCount(1)) }
    isReleasing.wait()
    fixture.set.destroy(pools[1])
    #expect(fixture.host.relaxCount == 0)
    mayGoOn.open()
    shrinker.join()
    fixture.close()
  }

  @Test func destroy_twice_traps() async {
    await #expect(processExitsWith: .failure) {
      let fixture = PoolFixture()
      let pool = try fixture.pool(1)
      fixture.set.destroy(pool)
      fixture.set.destroy(pool)
    }
  }
}
