// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// Buffers of blocks of descending orders (S1).
struct SystemHeapTests {
  let fixture = HeapFixture()

  private func free(_ buffer: TestBuffer, of heap: SystemHeap<TestHost>) {
    heap.free(buffer, mayBeWritten: false)
  }

  @Test(arguments: [
    ([8, 4, 0], true), ([0], true), ([9, 8, 1, 0], true),
    ([], false), ([8, 4], false), ([4, 8, 0], false), ([4, 4, 0], false), ([4, 0, 0], false),
  ])
  func orders_descendToZero(exponents: [Int], areValid: Bool) {
    #expect(SystemHeap<TestHost>.areValid(exponents.map { Order($0) }) == areValid)
  }

  /// A buffer object that could not be made: its memory is back in the pools, and nothing is live.
  @Test func free_ofBufferThatNobodyGot_poolsAndCounts() throws {
    let heap = try fixture.systemHeap()
    heap.free(try heap.allocate(PageCount(273)), mayBeWritten: false)
    #expect(heap.counters.total().liveBuffers == 0)
    #expect(heap.counters.total().livePages == .zero)
    #expect(fixture.check().pooled == PageCount(273))
    fixture.close(heap)
  }

  @Test(arguments: [
    (1, [1]), (15, Array(repeating: 1, count: 15)), (16, [16]), (17, [16, 1]),
    (33, [16, 16, 1]), (255, Array(repeating: 16, count: 15) + Array(repeating: 1, count: 15)),
    (256, [256]), (257, [256, 1]), (272, [256, 16]), (529, [256, 256, 16, 1]),
  ])
  func allocate_takesLargestBlocksFirst(pages: Int, sizes: [Int]) throws {
    let heap = try fixture.systemHeap()
    let buffer = try fixture.buffer(pages, of: heap)
    #expect(fixture.sizes(buffer) == sizes)
    #expect(heap.counters.total().poolMisses == sizes.count)
    free(buffer, of: heap)
    fixture.close(heap)
  }

  @Test func allocate_triesHardForSinglePagesOnly() throws {
    let heap = try fixture.systemHeap()
    var buffer: TestBuffer?
    let events = try fixture.host.logging { buffer = try fixture.buffer(274, of: heap) }
    #expect(
      events == [
        .allocated(256, .none), .allocated(16, .none), .allocated(1, .full),
        .allocated(1, .full),
      ])
    free(try #require(buffer), of: heap)
    fixture.close(heap)
  }

  /// An order that failed is not tried again for this buffer, but is for the next.
  @Test func allocate_neverGoesAboveTheLastOrderThatSucceeded() throws {
    let heap = try fixture.systemHeap()
    var buffer: TestBuffer?
    fixture.host.failWhere { $0.number == 2 ? .outOfMemory : nil }
    let events = try fixture.host.logging { buffer = try fixture.buffer(768, of: heap) }
    let expected: [TestEvent] =
      [.allocated(256, .none), .refused(256, .none)]
      + Array(repeating: .allocated(16, .none), count: 32)
    #expect(events == expected)
    free(try #require(buffer), of: heap)
    _ = fixture.pools.scan(PageCount(Int.max))
    fixture.host.failWhere { $0.number <= 2 ? .impossible : nil }
    let again = try fixture.host.logging { buffer = try fixture.buffer(257, of: heap) }
    #expect(again.prefix(3) == [.refused(256, .none), .refused(16, .none), .allocated(1, .full)])
    #expect(again.count == 2 + 257)
    free(try #require(buffer), of: heap)
    let third = try fixture.buffer(256, of: heap)
    #expect(fixture.host.counts.liveBlocks == 258)
    free(third, of: heap)
    fixture.close(heap)
  }

  /// A pooled block of a small order does not go before a large one of the source.
  @Test func allocate_prefersLargeFromSourceToSmallFromPool() throws {
    let heap = try fixture.systemHeap()
    free(try fixture.buffer(1, of: heap), of: heap)
    let buffer = try fixture.buffer(17, of: heap)
    #expect(fixture.sizes(buffer) == [16, 1])
    #expect(heap.counters.total().poolMisses == 2)
    free(buffer, of: heap)
    fixture.close(heap)
  }

  @Test func allocate_aboveTheLargest_isRefusedWithoutAsking() throws {
    let heap = try #require(
      SystemHeap(
        memory: fixture.memory, kind: .test(), largest: PageCount(300)))
    free(try fixture.buffer(300, of: heap), of: heap)
    let shortage = Shortage(of: PageCount(301), .largestBuffer(PageCount(300)))
    let events = fixture.host.logging {
      #expect(throws: TestFailure.refused(shortage)) { try heap.allocate(PageCount(301)) }
    }
    #expect(events.isEmpty)
    #expect(heap.counters.total().failures == 1)
    fixture.close(heap)
  }

  @Test func allocate_whenShort_reclaimsAndTriesOnceMore() throws {
    let heap = try fixture.systemHeap()
    free(try fixture.buffer(16, of: heap), of: heap)
    fixture.host.failAbove(livePages: 17)
    var buffer: TestBuffer?
    let events = try fixture.host.logging { buffer = try fixture.buffer(3, of: heap) }
    #expect(
      events == [
        .allocated(1, .full), .refused(1, .full), .released(16), .allocated(1, .full),
        .allocated(1, .full),
      ])
    free(try #require(buffer), of: heap)
    fixture.close(heap)
  }

  /// What there was too little of goes back to its source, where others can have it.
  @Test func allocate_whenShortForGood_releasesWhatItHad() throws {
    let heap = try fixture.systemHeap()
    fixture.host.failAbove(livePages: 20)
    let events = fixture.host.logging {
      #expect(throws: TestFailure.outOfMemory) { try heap.allocate(PageCount(21)) }
    }
    #expect(events.filter { $0 == .refused(1, .full) }.count == 1)
    #expect(!events.contains(.zeroed(1)) && !events.contains(.zeroed(16)))
    #expect(events.filter { $0 == .released(16) }.count == 1)
    #expect(events.filter { $0 == .released(1) }.count == 4)
    #expect(fixture.check() == PageAccounts())
    #expect(heap.counters.total().failures == 1)
    fixture.close(heap)
  }

  /// Every allocation in turn fails, with every failure; nothing is ever lost.
  @Test(arguments: [
    TestFailure.outOfMemory, .outOfDescriptors, .interrupted, .impossible,
  ])
  func allocate_whenEachAllocationFails_leaksNothing(_ failure: TestFailure) throws {
    let heap = try fixture.systemHeap(orders: [Order(3), Order(1), Order(0)])
    var attempt = 0
    var attempts = 0
    repeat {
      attempt += 1
      fixture.host.failWhere { [attempt] in $0.number >= attempt ? failure : nil }
      do throws(TestFailure) {
        free(try heap.allocate(PageCount(29)), of: heap)
      } catch {
        #expect(error == failure)
        #expect(fixture.check().inBuffers == .zero)
      }
      attempts = fixture.host.counts.attempts
      fixture.host.failWhere(nil)
      _ = fixture.pools.scan(PageCount(Int.max))
      #expect(fixture.host.counts.liveBlocks == 0)
    } while attempts >= attempt
    // 3 blocks of 8, 2 of 2 and a single page: all six were failed, and the seventh was not needed.
    #expect(attempt == 7)
    #expect(heap.counters.total().failures == 6)
    fixture.close(heap)
  }

  /// One failure only: smaller blocks, or the second try after something was given back, make up for it.
  @Test func allocate_whenOneAllocationFails_succeedsAllTheSame() throws {
    let heap = try fixture.systemHeap()
    let spare = try fixture.singleBlockHeap(largest: 1)
    for number in 1...20 {
      spare.free(try fixture.buffer(1, of: spare), mayBeWritten: false)
      fixture.host.failAllocation(number)
      let buffer = try fixture.buffer(273, of: heap)
      free(buffer, of: heap)
      fixture.host.failWhere(nil)
      _ = fixture.pools.scan(PageCount(Int.max))
    }
    #expect(heap.counters.total().failures == 0)
    fixture.close(heap, spare)
  }

  @Test func allocate_forKilledCaller_stopsAndPoolsWhatItHad() throws {
    let heap = try fixture.systemHeap()
    // What the pool has is taken in one round; then each block is a round, and the killing is seen between.
    for (rounds, allocated, pooled) in [(0, 0, 0), (1, 1, 1), (2, 1, 2), (3, 2, 4)] {
      fixture.host.killCaller(after: rounds)
      let events = fixture.host.logging {
        #expect(throws: TestFailure.interrupted) { try heap.allocate(PageCount(16 * 8)) }
      }
      #expect(events == Array(repeating: .allocated(16, .none), count: allocated))
      #expect(fixture.check().pooled == PageCount(16 * pooled))
      #expect(fixture.check().inBuffers == .zero)
    }
    fixture.host.killCaller(after: nil)
    #expect(heap.counters.total().failures == 4)
    fixture.close(heap)
  }

  @Test func counters_followEveryBuffer() throws {
    let heap = try fixture.systemHeap()
    let first = try fixture.buffer(17, of: heap)
    let second = try fixture.host.onShard(1) { try fixture.buffer(2, of: heap) }
    var expected = HeapCounts()
    expected.allocations = 2
    expected.allocatedPages = PageCount(19)
    expected.poolMisses = 4
    #expect(heap.counters.total() == expected)
    fixture.host.onShard(1) { free(first, of: heap) }
    expected.frees = 1
    expected.freedPages = PageCount(17)
    #expect(heap.counters.total() == expected)
    #expect(heap.counters.total().liveBuffers == 1)
    #expect(heap.counters.total().livePages == PageCount(2))
    free(second, of: heap)
    fixture.close(heap)
  }

  @Test func init_withoutRoomForItsPools_leavesNothing() throws {
    let small = HeapFixture(poolCapacity: 2)
    #expect(SystemHeap(memory: small.memory, kind: .test()) == nil)
    small.close(try small.systemHeap(orders: [Order(1), Order(0)]))
  }

  @Test func init_withOrdersThatDoNotDescend_traps() async {
    await #expect(processExitsWith: .failure) {
      _ = try HeapFixture().systemHeap(orders: [Order(4), Order(8), Order(0)])
    }
    await #expect(processExitsWith: .failure) {
      _ = try HeapFixture().systemHeap(orders: [Order(8), Order(4)])
    }
  }
}
