// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// Buffers of one block (S3).
struct SingleBlockHeapTests {
  let fixture = HeapFixture()

  @Test func allocate_roundsUpToItsSizeClass() throws {
    let heap = try fixture.singleBlockHeap(largest: 64)
    for pages in 1...64 {
      let (block, owner, wasPooled) = try heap.allocateBlock(PageCount(pages))
      let size = fixture.host.size(of: block)
      #expect(size == SizeClass(holding: PageCount(pages))?.pages)
      #expect(size == heap.size(holding: PageCount(pages)))
      #expect(!wasPooled)
      heap.free(fixture.buffer(block, owner), mayBeWritten: false)
      _ = fixture.pools.scan(PageCount(Int.max))
    }
    fixture.close(heap)
  }

  @Test func allocate_aboveTheLargest_isRefusedWithoutAsking() throws {
    let heap = try fixture.singleBlockHeap(largest: 33)
    let first = try fixture.buffer(40, of: heap)
    let events = fixture.host.logging {
      for pages in [41, 1 << 28, 1 << 28 + 1, Int.max >> 12] {
        let shortage = Shortage(of: PageCount(pages), .largestBuffer(PageCount(40)))
        #expect(throws: TestFailure.refused(shortage)) {
          try heap.allocateBlock(PageCount(pages))
        }
        #expect(throws: TestFailure.refused(shortage)) { try heap.allocate(PageCount(pages)) }
      }
    }
    #expect(events.isEmpty)
    #expect(heap.counters.total().failures == 8)
    heap.free(first, mayBeWritten: false)
    fixture.close(heap)
  }

  @Test func allocate_afterFree_takesThePooledBlock() throws {
    let heap = try fixture.singleBlockHeap()
    let first = try heap.allocateBlock(PageCount(5))
    heap.free(fixture.buffer(first.block, first.owner), mayBeWritten: false)
    let second = try heap.allocateBlock(PageCount(5))
    #expect(second.block == first.block)
    #expect(second.wasPooled)
    let counts = heap.counters.total()
    #expect(counts.allocations == 2)
    #expect(counts.allocatedPages == PageCount(10))
    #expect(counts.poolMisses == 1)
    #expect(counts.liveBuffers == 1)
    #expect(counts.livePages == PageCount(5))
    heap.free(fixture.buffer(second.block, second.owner), mayBeWritten: false)
    fixture.close(heap)
  }

  /// D6: what another size has pooled and what waits is given back, and the source asked once more.
  @Test(arguments: [TestFailure.outOfMemory, .outOfDescriptors])
  func allocate_whenShort_reclaimsAndTriesOnceMore(_ failure: TestFailure) throws {
    let heap = try fixture.singleBlockHeap()
    let pooled = try fixture.buffer(8, of: heap)
    let waiting = try fixture.buffer(16, of: heap)
    heap.free(pooled, mayBeWritten: false)
    fixture.host.write(waiting)
    heap.free(waiting, mayBeWritten: true)
    #expect(fixture.memory.deferred.waitingPages == PageCount(16))
    fixture.host.failAbove(livePages: 30, with: failure)
    var buffer: TestBuffer?
    let events = try fixture.host.logging { buffer = try fixture.buffer(20, of: heap) }
    #expect(
      events == [.refused(20, .full), .released(16), .released(8), .allocated(20, .full)])
    heap.free(try #require(buffer), mayBeWritten: false)
    fixture.close(heap)
  }

  /// As long as something can be given back, there are three tries; without, one.
  @Test func allocate_whenShortForGood_failsAfterTheThirdTry() throws {
    let heap = try fixture.singleBlockHeap()
    let pooled = try [3, 5, 6].map { try fixture.buffer($0, of: heap) }
    for buffer in pooled { heap.free(buffer, mayBeWritten: false) }
    fixture.host.failWhere { _ in .outOfMemory }
    let refused = TestEvent.refused(2, .full)
    for released in [[3, 5], [6], []] {
      let events = fixture.host.logging {
        #expect(throws: TestFailure.outOfMemory) { try heap.allocateBlock(PageCount(2)) }
      }
      #expect(events == [refused] + released.flatMap { [.released($0), refused] })
    }
    #expect(heap.counters.total().failures == 3)
    #expect(heap.counters.total().allocations == 3)
    fixture.close(heap)
  }

  @Test(arguments: [TestFailure.interrupted, .impossible])
  func allocate_whenReclaimCannotHelp_failsAtOnce(_ failure: TestFailure) throws {
    let heap = try fixture.singleBlockHeap()
    let pooled = try fixture.buffer(3, of: heap)
    heap.free(pooled, mayBeWritten: false)
    fixture.host.failWhere { _ in failure }
    let events = fixture.host.logging {
      #expect(throws: failure) { try heap.allocateBlock(PageCount(2)) }
    }
    #expect(events == [.refused(2, .full)])
    fixture.close(heap)
  }

  /// A miss is a block that came from the source, also where another thread's block turns up between
  /// two looks into the pool.
  @Test(.timeLimit(.minutes(20)))
  func allocate_underTraffic_countsAMissPerBlockOfTheSource() throws {
    let heap = try fixture.singleBlockHeap(largest: 1)
    TestThread.run(4) { thread in
      for _ in 0..<(TestScale.isSanitized ? 500 : 10_000) {
        guard let (block, owner, _) = try? heap.allocateBlock(PageCount(1)) else { continue }
        yieldToOthers()
        heap.free(fixture.buffer(block, owner), mayBeWritten: false)
        if thread == 0 { _ = fixture.pools.scan(PageCount(1)) }
      }
    }
    #expect(heap.counters.total().poolMisses == fixture.host.counts.allocated)
    fixture.close(heap)
  }

  @Test func init_withoutRoomForItsPools_leavesNothing() throws {
    let small = HeapFixture(poolCapacity: 5)
    let heap = SingleBlockHeap(
      memory: small.memory, kind: .test(), largest: PageCount(6))
    #expect(heap == nil)
    var pools = 0
    small.pools.forEachPool { _, _, _ in pools += 1 }
    #expect(pools == 0)
    small.close(try small.singleBlockHeap(largest: 5))
  }

  @Test func init_aboveTheLargestClass_isRefused() {
    let heap = SingleBlockHeap(
      memory: fixture.memory, kind: .test(), largest: PageCount(1 << 28 + 1))
    #expect(heap == nil)
  }

  /// Marks go to the pool of the size's class (P9).
  @Test func setWatermarks_isForTheSizeClass() throws {
    let heap = try fixture.singleBlockHeap(largest: 64)
    let marks = try #require(Watermarks(low: 1, high: 1))
    #expect(try !heap.setWatermarks(marks, holding: PageCount(65)))
    #expect(try heap.setWatermarks(marks, holding: PageCount(9)))
    var pace = fixture.pace()
    #expect(fixture.memory.workerTurn(&pace, now: 0) == .worked)
    #expect(fixture.memory.workerTurn(&pace, now: 0) == .mayRest(until: nil))
    let (block, owner, wasPooled) = try heap.allocateBlock(PageCount(10))
    #expect(wasPooled)
    heap.free(fixture.buffer(block, owner), mayBeWritten: false)
    fixture.close(heap)
  }
}
