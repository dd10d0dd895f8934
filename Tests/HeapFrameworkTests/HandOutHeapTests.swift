// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// Buffers that are given away: of exactly the size asked for, gone from the accounts, made anew.
struct HandOutHeapTests {
  private func heap(
    _ fixture: HeapFixture, largest: Int = 64, sizeCapacity: Int = 4, keepsSizes: Bool = false
  ) -> HandOutHeap<TestHost> {
    HandOutHeap(
      memory: fixture.memory, kind: .test(), largest: PageCount(largest),
      sizeCapacity: sizeCapacity, keepsSizes: keepsSizes)
  }

  private func take(
    _ pages: Int, _ heap: HandOutHeap<TestHost>, _ fixture: HeapFixture
  ) throws -> TestBuffer {
    let taken = try heap.take(PageCount(pages))
    let buffer = try #require(taken).buffer
    #expect(buffer.blocks.pages == PageCount(pages))
    #expect(fixture.host.blocks(in: buffer.blocks).allSatisfy { fixture.host.isZero($0) })
    fixture.check()
    return buffer
  }

  @Test func handOut_leavesTheAccounts_andCounts() throws {
    let fixture = HeapFixture()
    let heap = heap(fixture)
    let buffer = try take(7, heap, fixture)
    #expect(heap.counters.total().livePages == PageCount(7))
    heap.handOut(buffer)
    #expect(fixture.check() == PageAccounts())
    #expect(fixture.memory.handedOutPages == PageCount(7))
    #expect(heap.counters.total().liveBuffers == 0)
    heap.close()
    fixture.close()
  }

  /// What was not given away after all serves the next one, unzeroed.
  @Test func free_ofWhatWasNotHandedOut_isPooled() throws {
    let fixture = HeapFixture()
    let heap = heap(fixture)
    heap.free(try take(7, heap, fixture), mayBeWritten: false)
    #expect(fixture.check().pooled == PageCount(7))
    heap.handOut(try take(7, heap, fixture))
    #expect(heap.counters.total().poolMisses == 1)
    heap.close()
    fixture.close()
  }

  @Test func release_goesToTheSource() throws {
    let fixture = HeapFixture()
    let heap = heap(fixture, keepsSizes: true)
    heap.release(try take(7, heap, fixture))
    #expect(fixture.check() == PageAccounts())
    #expect(fixture.memory.handedOutPages == .zero)
    heap.close()
    fixture.close()
  }

  /// The size that was not asked for for longest gives its place up, with what its pool has.
  @Test func sizes_comeAndGo() throws {
    let fixture = HeapFixture()
    let heap = heap(fixture)
    for pages in 1...4 { heap.free(try take(pages, heap, fixture), mayBeWritten: false) }
    heap.free(try take(1, heap, fixture), mayBeWritten: false)
    #expect(fixture.check().pooled == PageCount(1 + 2 + 3 + 4))
    heap.free(try take(5, heap, fixture), mayBeWritten: false)
    #expect(fixture.check().pooled == PageCount(1 + 3 + 4 + 5), "2 was the coldest")
    heap.close()
    fixture.close()
  }

  /// A size stays while somebody has a buffer of it, and while blocks of it are kept ready.
  @Test func sizesInUse_stay() throws {
    let fixture = HeapFixture()
    let heap = heap(fixture)
    let marks = try #require(Watermarks(low: 1, high: 1))
    let isKept = try heap.setWatermarks(marks, holding: PageCount(9))
    try #require(isKept)
    let live = try (1...3).map { try take($0, heap, fixture) }
    let other = try heap.take(PageCount(20))
    #expect(other == nil, "no place is left")
    let isSet = try heap.setWatermarks(marks, holding: PageCount(20))
    #expect(!isSet)
    heap.handOut(live[1])
    heap.handOut(try take(20, heap, fixture))
    for buffer in [live[0], live[2]] { heap.handOut(buffer) }
    heap.close()
    fixture.close()
  }

  /// Where blocks come back their pools stay, whatever else is asked for.
  @Test func keptSizes_neverGo() throws {
    let fixture = HeapFixture()
    let heap = heap(fixture, keepsSizes: true)
    for pages in 1...4 { heap.free(try take(pages, heap, fixture), mayBeWritten: true) }
    fixture.freeAllDeferred()
    let other = try heap.take(PageCount(5))
    #expect(other == nil)
    #expect(fixture.check().pooled == PageCount(1 + 2 + 3 + 4))
    heap.close()
    fixture.close()
  }

  @Test func tooLarge_isRefused() throws {
    let fixture = HeapFixture()
    let heap = heap(fixture)
    #expect(throws: TestFailure.refused(Shortage(of: PageCount(65), .largestBuffer(PageCount(64)))))
    {
      _ = try heap.take(PageCount(65))
    }
    #expect(heap.counters.total().failures == 1)
    heap.close()
    fixture.close()
  }

  /// Whatever fails, nothing is left: neither a charge, nor memory, nor a size that is taken for used.
  @Test func failures_leaveNothing() throws {
    let fixture = HeapFixture()
    let heap = heap(fixture, sizeCapacity: 1)
    fixture.host.failAllocation(1, with: .impossible)
    #expect(throws: TestFailure.impossible) { _ = try heap.take(PageCount(3)) }
    #expect(fixture.check() == PageAccounts())
    fixture.host.limitCharges(to: 2)
    #expect(throws: TestFailure.self) { _ = try heap.take(PageCount(3)) }
    fixture.host.limitCharges(to: 100)
    #expect(fixture.check() == PageAccounts())
    heap.handOut(try take(4, heap, fixture))
    heap.close()
    fixture.close()
  }

  /// What was made ahead of demand goes when nobody asks any more, and the worker rests for good (U2).
  @Test func whatWasReady_goesWhenNobodyAsks() throws {
    let fixture = HeapFixture()
    let heap = heap(fixture)
    for _ in 0..<20 { heap.handOut(try take(3, heap, fixture)) }
    var refill = fixture.pace()
    var decay = DecayPace(
      interval: 10_000_000_000, poolCapacity: fixture.pools.poolCapacity)
    var now: UInt64 = 3_600_000_000_000
    var most = PageCount.zero
    var turns = 0
    work: while true {
      turns += 1
      try #require(turns < 1000, "the worker never rests")
      switch fixture.memory.workerTurn(&refill, &decay, now: now) {
      case .worked: most = max(most, fixture.check().pooled)
      case .mayRest(let end?): now = max(end, now)
      case .mayRest(nil): break work
      }
    }
    #expect(most == PageCount(60))
    #expect(fixture.check() == PageAccounts())
    heap.close()
    fixture.close()
  }
}
