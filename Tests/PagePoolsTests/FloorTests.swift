// SPDX-License-Identifier: MIT

import PagePools
import TestSupport
import Testing

/// Marks beside the limit, and floors that memory pressure respects (P9).
struct FloorTests {
  private func marks(_ low: Int, _ high: Int, isFloor: Bool = false) throws -> Watermarks {
    try #require(Watermarks(low: low, high: high, isFloor: isFloor))
  }

  /// What marks come to, and the limit, where they are refused.
  private func refusal(
    _ marks: Watermarks, of pool: PoolID, _ fixture: PoolFixture
  ) -> (PageCount, PageCount)? {
    do throws(WatermarksExceedLimit) {
      try fixture.set.setWatermarks(marks, of: pool)
      return nil
    } catch {
      return (error.wanted, error.limit)
    }
  }

  @Test func marks_areStoredWhole() throws {
    let fixture = PoolFixture(limit: Int.max)
    let pool = try fixture.pool(1)
    let all = [
      try marks(0, 0), try marks(1, 1, isFloor: true), try marks(5, 7),
      try marks(Watermarks.maximum, Watermarks.maximum, isFloor: true),
      try marks(1, Watermarks.maximum), .none,
    ]
    for marks in all {
      try fixture.set.setWatermarks(marks, of: pool)
      #expect(fixture.set.watermarks(of: pool) == marks)
    }
    #expect(Watermarks(low: 0, high: 3, isFloor: true)?.isFloor == false)
    #expect(Watermarks(low: 1, high: Watermarks.maximum + 1) == nil)
    fixture.close()
  }

  /// The shrinker leaves the low mark's blocks alone and does not count them; it is not held up by them.
  @Test func floor_isLeftByTheShrinker() throws {
    let fixture = PoolFixture(shardCount: 2)
    let pools = [try fixture.pool(4), try fixture.pool(1), try fixture.pool(2)]
    try fixture.set.setWatermarks(marks(2, 3, isFloor: true), of: pools[0])
    try fixture.set.setWatermarks(marks(2, 3), of: pools[2])
    try fixture.host.onShard(1) { _ = try fixture.stock(3, pools[0]) }
    try fixture.stock(2, pools[1])
    try fixture.stock(3, pools[2])
    #expect(fixture.set.reclaimablePages() == PageCount(4 + 2 + 6))
    #expect(fixture.set.totalPages == PageCount(12 + 2 + 6))
    let released = fixture.released {
      #expect(fixture.set.scan(PageCount(1000)) == PageCount(12))
    }
    #expect(released.sorted() == [1, 1, 2, 2, 2, 4])
    #expect(fixture.set.blockCount(of: pools[0]) == 2)
    #expect(fixture.set.reclaimablePages() == .zero)
    #expect(fixture.set.scan(PageCount(1)) == .zero)
    // With fewer than the floor there, none is missing elsewhere.
    let block = try #require(fixture.set.take(from: pools[0]))
    try fixture.stock(1, pools[1])
    #expect(fixture.set.reclaimablePages() == PageCount(1))
    fixture.set.release(block, from: .buffer)
    // Without the option the marks are nothing to the shrinker.
    try fixture.set.setWatermarks(marks(2, 3), of: pools[0])
    #expect(fixture.set.reclaimablePages() == PageCount(5))
    #expect(fixture.set.scan(PageCount(1000)) == PageCount(5))
    fixture.close()
  }

  /// The limit and requests that would fail are above the floor.
  @Test func floor_isNoneForTheLimitAndForRequests() throws {
    let fixture = PoolFixture(limit: 20)
    let pool = try fixture.pool(4)
    try fixture.set.setWatermarks(marks(5, 5, isFloor: true), of: pool)
    try fixture.stock(5, pool)
    #expect(fixture.set.reclaimablePages { _ in true } == PageCount(20))
    #expect(fixture.set.reclaim(PageCount(5)) { _ in true } == PageCount(8))
    #expect(fixture.released { fixture.set.setLimit(PageCount(6)) } == [4, 4])
    #expect(fixture.set.totalPages == PageCount(4))
    fixture.close()
  }

  @Test func destroy_takesTheFloorWithIt() throws {
    let fixture = PoolFixture(poolCapacity: 1)
    let pool = try fixture.pool(1)
    try fixture.set.setWatermarks(marks(2, 2, isFloor: true), of: pool)
    try fixture.stock(2, pool)
    fixture.set.destroy(pool)
    let successor = try fixture.pool(1)
    try fixture.stock(2, successor)
    #expect(fixture.set.reclaimablePages() == PageCount(2))
    #expect(fixture.set.scan(PageCount(9)) == PageCount(2))
    fixture.close()
  }

  /// What all high marks come to must fit the limit; refused marks change nothing.
  @Test func marks_beyondTheLimit_areRefused() throws {
    let fixture = PoolFixture(limit: 22)
    let pools = [try fixture.pool(4), try fixture.pool(2), try fixture.pool(1 << 40)]
    try fixture.set.setWatermarks(marks(1, 3), of: pools[0])
    #expect(throws: WatermarksExceedLimit.self) {
      try fixture.set.setWatermarks(marks(1, 6), of: pools[1])
    }
    #expect(fixture.set.watermarks(of: pools[1]) == .none)
    try fixture.set.setWatermarks(marks(1, 5), of: pools[1])
    let four = try marks(1, 4)
    #expect(
      refusal(four, of: pools[0], fixture) ?? (.zero, .zero) == (PageCount(26), PageCount(22)))
    #expect(fixture.set.watermarks(of: pools[0]) == (try marks(1, 3)))
    // A high mark without a low one fills nothing, so it asks for nothing.
    try fixture.set.setWatermarks(marks(0, 1000), of: pools[2])
    let endless = try marks(1, Watermarks.maximum)
    #expect(
      refusal(endless, of: pools[2], fixture) ?? (.zero, .zero) == (
        PageCount(Int.max), PageCount(22)
      ))
    // A limit that was lowered keeps nobody from turning marks off.
    fixture.set.setLimit(PageCount(3))
    try fixture.set.setWatermarks(marks(0, 9), of: pools[0])
    try fixture.set.setWatermarks(marks(1, 1), of: pools[1])
    // Alone, one block of four pages would not fit either.
    let one = try marks(1, 1)
    #expect(refusal(one, of: pools[0], fixture) ?? (.zero, .zero) == (PageCount(6), PageCount(3)))
    try fixture.set.setWatermarks(.none, of: pools[1])
    #expect(refusal(one, of: pools[0], fixture) ?? (.zero, .zero) == (PageCount(4), PageCount(3)))
    fixture.close()
  }

  /// Memory that does not count in the limit needs no room there.
  @Test func marks_ofUncountedMemory_fitAnyLimit() throws {
    let fixture = PoolFixture(limit: 2)
    let pool = try fixture.pool(8, kind: .test(1, keeping: [.pooled, .deferred]))
    try fixture.set.setWatermarks(marks(2, 2), of: pool)
    var pace = RefillPace(pause: 0, poolCapacity: fixture.set.poolCapacity)
    #expect(pace.turn(fixture.set, now: 0) == .worked)
    #expect(pace.turn(fixture.set, now: 0) == .worked)
    #expect(pace.turn(fixture.set, now: 0) == .mayRest(until: nil))
    #expect(fixture.set.blockCount(of: pool) == 2)
    #expect(fixture.set.totalPages == .zero)
    let other = try fixture.pool(1)
    try fixture.set.setWatermarks(marks(1, 2), of: other)
    fixture.close()
  }
}
