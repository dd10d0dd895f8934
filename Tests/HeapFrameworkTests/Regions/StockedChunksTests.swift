// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// Chunks that are got ahead of demand (D6, P9).
struct StockedChunksTests {
  private let fixture = HeapFixture(limit: 512)
  private let region = Region<TestHost>(0..<1024)

  private func chunkHeap(keeping: Keeping = [.stocked, .counted]) throws -> ChunkHeap<TestHost> {
    fixture.host.setShare(RegionShare(of: region, cut: .chunks(Order(4))), of: 2)
    return try #require(
      ChunkHeap(
        memory: fixture.memory, kind: .test(2, keeping: keeping), region: region, chunk: Order(4)))
  }

  private func regionHeap() throws -> RegionHeap<TestHost> {
    fixture.host.setShare(RegionShare(of: region, cut: .runs), of: 1)
    return try #require(
      RegionHeap(
        memory: fixture.memory, kind: .test(1, keeping: .returnedAtOnce), region: region))
  }

  private func marks(_ low: Int, _ high: Int) throws -> Watermarks {
    try #require(Watermarks(low: low, high: high))
  }

  /// The worker's turns until it rests.
  private func fill(_ pace: inout RefillPace, now: UInt64 = 0) {
    while fixture.memory.workerTurn(&pace, now: now) == .worked {}
  }

  @Test func stock_servesFirst_andIsFilledByTheWorkerAlone() throws {
    let heap = try chunkHeap()
    var pace = fixture.pace()
    #expect(try heap.setWatermarks(marks(4, 8)))
    fill(&pace)
    #expect(fixture.check().pooled == PageCount(128))
    #expect(region.space.free == PageCount(1024 - 128))

    // Five of the stock, and no turn to the region.
    let wakes = fixture.host.counts.wakes
    var some: TestBuffer?
    let events = try fixture.host.logging { some = try fixture.buffer(80, of: heap) }
    let buffer = try #require(some)
    #expect(events.isEmpty)
    #expect(heap.counters.total().poolMisses == 0)
    #expect(fixture.host.counts.wakes == wakes + 1, "three are left")

    // What is freed is the region's at once, zeroed or not.
    fixture.host.write(buffer)
    heap.free(buffer, mayBeWritten: true)
    #expect(region.space.free == PageCount(1024 - 48))
    #expect(fixture.check().pooled == PageCount(48))
    fill(&pace)
    #expect(fixture.check().pooled == PageCount(128))

    // The stock, and the rest together.
    let most = try fixture.buffer(1024, of: heap)
    #expect(fixture.sizes(most).prefix(8).allSatisfy { $0 == 16 })
    #expect(heap.counters.total().poolMisses == fixture.sizes(most).count - 8)
    #expect(fixture.check().pooled == .zero)
    heap.free(most, mayBeWritten: false)
    #expect(region.space.largestRun == PageCount(1024))
    fixture.close(heap)
  }

  /// Whoever needs the region whole has it whole, whichever heap's the stock is.
  @Test func shortage_hasTheStockBack() throws {
    let chunkHeap = try chunkHeap(keeping: .stocked)
    let regionHeap = try regionHeap()
    var pace = fixture.pace()
    #expect(try chunkHeap.setWatermarks(marks(8, 8)))
    fill(&pace)
    let all = try fixture.buffer(1024, of: regionHeap)
    #expect(fixture.check().pooled == .zero)
    // Nothing is free: the worker rests, and so does it while somebody has all.
    fill(&pace, now: 1)
    #expect(fixture.check().pooled == .zero)
    regionHeap.free(all, mayBeWritten: true)
    fill(&pace, now: 2)
    #expect(region.space.free == PageCount(1024 - 128))

    // Not enough even so: nothing is lost, and what is free is told with the stock.
    let held = try #require(region.takeRun(PageCount(1), in: 1000..<1001))
    #expect(
      throws: TestFailure.refused(
        Shortage(
          of: PageCount(1001), .fragmented(free: PageCount(1023), largestRun: PageCount(1000))))
    ) { try regionHeap.allocate(PageCount(1001)) }
    #expect(fixture.check() == PageAccounts())
    region.give(held)

    // A system heap's shortage is none of the region's business.
    fill(&pace, now: 3)
    let system = try fixture.systemHeap()
    fixture.host.failWhere { _ in .outOfMemory }
    #expect(throws: TestFailure.self) { try system.allocate(PageCount(1)) }
    fixture.host.failWhere(nil)
    #expect(fixture.check().pooled == PageCount(128))
    fixture.memory.reclaimAll()
    fixture.close(system, chunkHeap, regionHeap)
  }

  @Test(arguments: [Keeping.stocked, [.stocked, .counted]])
  func shrinker_hasWhatCounts(keeping: Keeping) throws {
    let heap = try chunkHeap(keeping: keeping)
    var pace = fixture.pace()
    #expect(try heap.setWatermarks(marks(8, 8)))
    fill(&pace)
    let counts = keeping.contains(.counted)
    #expect(fixture.pools.totalPages == (counts ? PageCount(128) : .zero))
    #expect(fixture.memory.shrinkPools(PageCount(32)) == (counts ? PageCount(32) : .zero))
    #expect(region.space.free == PageCount(1024 - (counts ? 96 : 128)))
    fixture.memory.reclaimAll()
    #expect(region.space.largestRun == PageCount(1024))
    fixture.close(heap)
  }

  @Test func marks_areWithinTheLimit_andOnlyOfStockedMemory() throws {
    let heap = try chunkHeap()
    let most = try marks(33, 33)
    #expect(throws: WatermarksExceedLimit.self) { try heap.setWatermarks(most) }
    fixture.close(heap)
    let other = try chunkHeap(keeping: .returnedAtOnce)
    #expect(try !other.setWatermarks(marks(1, 1)))
    fixture.close(other)
  }
}
