// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// A request that fails takes from what can help it, as much as it needs, and from nothing else (U4).
struct ReclaimScopeTests {
  let fixture = HeapFixture(inlineFreeLimit: 0)

  /// Pages in a heap's pools.
  private func pooled(_ heap: BufferHeap<TestHost>) -> Int {
    (0..<heap.pools.sizeCount).reduce(0) { sum, size in
      let pool = heap.pools[size, 0]
      return sum + fixture.pools.blockCount(of: pool) * fixture.pools.size(of: pool).rawValue
    }
  }

  /// Pools buffers of these sizes.
  private func stock(_ sizes: [Int], _ heap: BufferHeap<TestHost>) throws {
    let buffers = try sizes.map { try fixture.buffer($0, of: heap) }
    for buffer in buffers { heap.free(buffer, mayBeWritten: false) }
  }

  /// Lets buffers of these sizes wait.
  private func queue(_ sizes: [Int], _ heap: BufferHeap<TestHost>) throws {
    let buffers = try sizes.map { try fixture.buffer($0, of: heap) }
    for buffer in buffers { heap.free(buffer, mayBeWritten: true) }
  }

  private func released(_ events: [TestEvent]) -> [Int] {
    events.compactMap { if case .released(let pages) = $0 { pages } else { nil } }
  }

  /// Two sources, each with pooled and waiting memory in turn: the other's is left as it is.
  @Test func failure_takesFromItsOwnSourceOnly() throws {
    let heap = try fixture.singleBlockHeap(.test(1))
    let other = try fixture.singleBlockHeap(.test(2))
    try stock([3, 5, 7], other)
    try stock([3, 5, 7], heap)
    let buffers = try [10, 12, 14].map {
      (try fixture.buffer($0, of: heap), try fixture.buffer($0, of: other))
    }
    for (own, foreign) in buffers {
      other.free(foreign, mayBeWritten: true)
      heap.free(own, mayBeWritten: true)
    }
    fixture.host.failWhere { $0.pages == 64 ? .outOfMemory : nil }
    let events = fixture.host.logging {
      #expect(throws: TestFailure.outOfMemory) { try heap.allocate(PageCount(64)) }
    }
    #expect(released(events).sorted() == [3, 5, 7, 10, 12, 14])
    #expect(pooled(heap) == 0)
    #expect(pooled(other) == 15)
    #expect(fixture.check().deferred == PageCount(36))
    #expect(fixture.check().taken == PageCount(51))
    fixture.freeAllDeferred()
    fixture.close(heap, other)
  }

  /// A shortage that memory of another source relieves.
  @Test func failure_takesFromWhatRelievesIt() throws {
    let heap = try fixture.singleBlockHeap(.test(1))
    let other = try fixture.singleBlockHeap(.test(0))
    try stock([4], heap)
    try stock([5], other)
    fixture.host.failWhere { $0.number == 1 ? .outOfDescriptors : nil }
    var buffer: TestBuffer?
    let events = try fixture.host.logging { buffer = try fixture.buffer(3, of: heap) }
    #expect(released(events) == [5])
    #expect(pooled(heap) == 4)
    heap.free(try #require(buffer), mayBeWritten: false)
    fixture.close(heap, other)
  }

  /// As much as is missing: what waits first, then what is pooled.
  @Test(arguments: [
    (1, [2]), (2, [2]), (6, [2, 2, 2]), (7, [2, 2, 2, 4]), (12, [2, 2, 2, 4, 4]),
  ])
  func failure_takesWhatIsMissing(_ asked: Int, _ expected: [Int]) throws {
    let heap = try fixture.singleBlockHeap()
    try stock([4, 4, 4, 4], heap)
    try queue([2, 2, 2], heap)
    fixture.host.failWhere { $0.number == 1 ? .outOfMemory : nil }
    var buffer: TestBuffer?
    let events = try fixture.host.logging { buffer = try fixture.buffer(asked, of: heap) }
    #expect(released(events) == expected)
    #expect(events.last == .allocated(heap.size(holding: PageCount(asked)).rawValue, .full))
    heap.free(try #require(buffer), mayBeWritten: false)
    fixture.freeAllDeferred()
    fixture.close(heap)
  }

  /// A buffer of many blocks that fails in the middle needs what it has not got yet.
  @Test func failure_inTheMiddle_takesTheRest() throws {
    let heap = try fixture.systemHeap(orders: [Order(0)])
    let other = try fixture.singleBlockHeap(largest: 1)
    try stock(Array(repeating: 1, count: 50), other)
    fixture.host.failAbove(livePages: 57)
    let buffer = try fixture.buffer(20, of: heap)
    #expect(pooled(other) == 37)
    heap.free(buffer, mayBeWritten: false)
    fixture.close(heap, other)
  }

  /// A failure that names what it needs: with less there, nothing is touched.
  @Test(arguments: [(30, 10, 20), (30, 30, 0), (30, 0, 30), (31, 10, 20), (31, 0, 30)])
  func failure_thatNeedsMuch_takesAllOrNothing(_ needed: Int, _ waiting: Int, _ inPools: Int) throws
  {
    let heap = try fixture.singleBlockHeap()
    try queue(Array(repeating: 2, count: waiting / 2), heap)
    try stock(Array(repeating: 5, count: inPools / 5), heap)
    fixture.host.failWhere { $0.number == 1 ? .missing(needed) : nil }
    let helps = needed <= waiting + inPools
    // Larger than what waits may help with.
    var buffer: TestBuffer?
    let events = fixture.host.logging { buffer = try? heap.allocate(PageCount(64)) }
    #expect((buffer != nil) == helps)
    #expect(released(events).reduce(0, +) == (helps ? needed : 0))
    #expect(fixture.check().pooled == PageCount(helps ? 0 : inPools))
    #expect(fixture.check().deferred == PageCount(helps ? 0 : waiting))
    if let buffer { heap.free(buffer, mayBeWritten: false) }
    fixture.freeAllDeferred()
    fixture.close(heap)
  }

  /// A floor is for idle memory: a request that would fail has what is below it, and it counts there.
  @Test func failure_takesFloorsToo() throws {
    let heap = try fixture.singleBlockHeap()
    let marks = try #require(Watermarks(low: 4, high: 4, isFloor: true))
    #expect(try heap.setWatermarks(marks, holding: PageCount(5)))
    try stock([5, 5, 5, 5], heap)
    #expect(fixture.memory.shrinkPools(PageCount(100)) == .zero)
    fixture.host.failWhere { $0.number == 1 ? .missing(20) : nil }
    let buffer = try fixture.buffer(8, of: heap)
    #expect(pooled(heap) == 0)
    #expect(try heap.setWatermarks(.none, holding: PageCount(5)))
    heap.free(buffer, mayBeWritten: false)
    fixture.close(heap)
  }

  /// Requests that nothing can help, and attempts that need no help.
  @Test func impossibleRequests_touchNothing() throws {
    let system = try #require(
      SystemHeap(memory: fixture.memory, kind: .test(), largest: PageCount(1 << 20)))
    let contiguous = try fixture.singleBlockHeap()
    try stock([16, 1, 1], system)
    try stock([8], contiguous)
    try queue([7, 6], contiguous)
    let events = fixture.host.logging {
      for pages in [1 << 28, 1 << 40, Int.max >> 12, Int.max] {
        for heap in [system, contiguous] as [BufferHeap<TestHost>] {
          let shortage = Shortage(of: PageCount(pages), .largestBuffer(heap.largest))
          #expect(throws: TestFailure.refused(shortage)) { try heap.allocate(PageCount(pages)) }
        }
      }
    }
    #expect(events.isEmpty)
    for failure in [TestFailure.impossible, .interrupted, .chargeRefused] {
      fixture.host.failWhere { _ in failure }
      let events = fixture.host.logging {
        #expect(throws: failure) { try contiguous.allocate(PageCount(60)) }
      }
      #expect(events == [.refused(64, .full)])
    }
    // A large block is worth a try, not a reclaim.
    fixture.host.failWhere { $0.pages > 1 ? .outOfMemory : nil }
    let buffer = try fixture.buffer(300, of: system)
    #expect(fixture.host.counts.released == 0)
    #expect(fixture.check().pooled == PageCount(8))
    #expect(fixture.check().deferred == PageCount(13))
    system.free(buffer, mayBeWritten: false)
    fixture.freeAllDeferred()
    fixture.close(system, contiguous)
  }
}
