// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// Heaps whose memory is a region's (C1, C2, D6).
struct RegionHeapTests {
  private let fixture = HeapFixture(deferredLimit: 100, inlineFreeLimit: 4)
  private let region = Region<TestHost>(0..<1024)

  private func regionHeap(keeping: Keeping = .returnedAtOnce) throws -> RegionHeap<TestHost> {
    fixture.host.setShare(RegionShare(of: region, cut: .runs), of: 1)
    return try #require(
      RegionHeap(memory: fixture.memory, kind: .test(1, keeping: keeping), region: region))
  }

  private func chunkHeap(
    order: Int = 4, keeping: Keeping = .returnedAtOnce
  ) throws -> ChunkHeap<TestHost> {
    fixture.host.setShare(RegionShare(of: region, cut: .chunks(Order(order))), of: 2)
    return try #require(
      ChunkHeap(
        memory: fixture.memory, kind: .test(2, keeping: keeping), region: region,
        chunk: Order(order)))
  }

  private func runs(_ buffer: TestBuffer) -> [Range<Int>] {
    fixture.host.blocks(in: buffer.blocks).map { fixture.host.run(of: $0) }
  }

  @Test func runs_areAsLongAsAsked() throws {
    let heap = try regionHeap()
    let buffers = try [1, 7, 100].map { try fixture.buffer($0, of: heap) }
    #expect(buffers.map { runs($0) } == [[0..<1], [1..<8], [8..<108]])
    #expect(region.space.free == PageCount(1024 - 108))
    heap.free(buffers[1], mayBeWritten: true)
    // Usable at once.
    let again = try fixture.buffer(7, of: heap)
    #expect(runs(again) == [1..<8])
    for buffer in [buffers[0], again, buffers[2]] { heap.free(buffer, mayBeWritten: false) }
    #expect(region.space.largestRun == PageCount(1024))
    fixture.close(heap)
  }

  @Test func chunks_areRoundedUp_andWhereverThereAreSome() throws {
    let heap = try chunkHeap()
    #expect(heap.size(holding: PageCount(1)) == PageCount(16))
    #expect(heap.largest == PageCount(1024))
    let first = try fixture.buffer(17, of: heap)
    #expect(runs(first) == [0..<32])
    let rest = try fixture.buffer(1024 - 48, of: heap)
    let last = try fixture.buffer(16, of: heap)
    heap.free(first, mayBeWritten: true)
    heap.free(last, mayBeWritten: true)
    // Not next to each other.
    let both = try fixture.buffer(48, of: heap)
    #expect(runs(both).map(\.count).sorted() == [16, 32])
    for buffer in [rest, both] { heap.free(buffer, mayBeWritten: true) }
    #expect(region.space.largestRun == PageCount(1024))
    fixture.close(heap)
  }

  /// Pages that somebody has pinned: whatever is beside them is had, and nothing is lost.
  @Test func pinnedPages_areGoneAround() throws {
    let regionHeap = try regionHeap()
    let chunkHeap = try chunkHeap()
    fixture.host.setPinned([0, 5, 100, 517])
    let run = try fixture.buffer(200, of: regionHeap)
    #expect(try #require(runs(run).first).lowerBound > 100)
    regionHeap.free(run, mayBeWritten: false)

    // 64 chunks, of which three have a pinned page.
    #expect(throws: TestFailure.self) { try chunkHeap.allocate(PageCount(62 * 16)) }
    #expect(throws: TestFailure.self) { try regionHeap.allocate(PageCount(508)) }
    #expect(region.space.largestRun == PageCount(1024))
    let most = try fixture.buffer(61 * 16, of: chunkHeap)
    let had = Set(runs(most).flatMap { Array($0) })
    #expect(had == Set(16..<1024).subtracting(96..<112).subtracting(512..<528))
    chunkHeap.free(most, mayBeWritten: true)
    #expect(region.space.largestRun == PageCount(1024))

    // Once they are let go of, they are had as any other.
    fixture.host.setPinned([])
    let all = try fixture.buffer(1024, of: chunkHeap)
    chunkHeap.free(all, mayBeWritten: false)
    #expect(region.space.largestRun == PageCount(1024))
    fixture.close(regionHeap)
    fixture.close(chunkHeap)
  }

  /// More than there is: nothing is lost, and the error says what is free, and how much of it in a row.
  @Test func shortage_saysWhatIsFree_andLeavesNothing() throws {
    let regionHeap = try regionHeap()
    let chunkHeap = try chunkHeap()
    #expect(
      throws: TestFailure.refused(Shortage(of: PageCount(1025), .largestBuffer(PageCount(1024))))
    ) {
      try chunkHeap.allocate(PageCount(1025))
    }
    let held = try fixture.buffer(16, of: chunkHeap)
    // 62 chunks' worth is free, but two of the chunks are not whole.
    let far = try [500, 600].map { page in
      try #require(region.takeRun(PageCount(1), in: page..<page + 1))
    }
    let free = PageCount(1024 - 18)
    #expect(
      throws: TestFailure.refused(
        Shortage(of: PageCount(992), .fragmented(free: free, largestRun: PageCount(484))))
    ) { try chunkHeap.allocate(PageCount(990)) }
    #expect(
      throws: TestFailure.refused(
        Shortage(of: PageCount(485), .fragmented(free: free, largestRun: PageCount(484))))
    ) { try regionHeap.allocate(PageCount(485)) }
    #expect(region.space.free == free)
    #expect(fixture.host.counts.chargedPages == 16)
    let most = try fixture.buffer(484, of: regionHeap)
    for run in far { region.give(run) }
    regionHeap.free(most, mayBeWritten: true)
    chunkHeap.free(held, mayBeWritten: true)
    #expect(regionHeap.counters.total().failures == 1)
    #expect(chunkHeap.counters.total().failures == 2)
    fixture.close(regionHeap, chunkHeap)
  }

  /// Two heaps, one region: what one has, the other has not.
  @Test func heapsShareARegion() throws {
    let regionHeap = try regionHeap()
    let chunkHeap = try chunkHeap()
    let buffers = (try fixture.buffer(1000, of: regionHeap), try fixture.buffer(16, of: chunkHeap))
    #expect(throws: (any Error).self) { try chunkHeap.allocate(PageCount(16)) }
    regionHeap.free(buffers.0, mayBeWritten: true)
    let chunks = try fixture.buffer(1000, of: chunkHeap)
    chunkHeap.free(chunks, mayBeWritten: false)
    chunkHeap.free(buffers.1, mayBeWritten: false)
    fixture.close(regionHeap, chunkHeap)
  }

  /// Limited memory is neither deferred nor pooled, whoever frees it (D6).
  @Test(arguments: [FreeingThread.user, .watcher, .bystander], [true, false])
  func freed_isBackAtOnce(thread: FreeingThread, isWritten: Bool) throws {
    let heaps: [BufferHeap<TestHost>] = [try regionHeap(), try chunkHeap()]
    for heap in heaps {
      let buffer = try fixture.buffer(512, of: heap)
      let events = fixture.host.logging { heap.free(buffer, mayBeWritten: isWritten, by: thread) }
      #expect(events == [.released(512)])
      #expect(region.space.free == PageCount(1024))
      #expect(fixture.check() == PageAccounts())
    }
    for heap in heaps { fixture.close(heap) }
  }

  /// Where a region is kept zeroed, whoever frees what may be written zeroes it.
  @Test func keptZeroed_isZeroedWhenFreed() throws {
    let heaps: [BufferHeap<TestHost>] = [
      try regionHeap(keeping: .keptZeroed), try chunkHeap(keeping: .keptZeroed),
    ]
    for heap in heaps {
      let buffer = try fixture.buffer(512, of: heap)
      fixture.host.write(buffer)
      let events = fixture.host.logging { heap.free(buffer, mayBeWritten: true, by: .bystander) }
      #expect(events == [.zeroed(512), .released(512)])
      let unwritten = try fixture.buffer(512, of: heap)
      let others = fixture.host.logging { heap.free(unwritten, mayBeWritten: false) }
      #expect(others == [.released(512)])
    }
    for heap in heaps { fixture.close(heap) }
  }

  @Test func regionWithoutAChunk_hasNoChunkHeap() {
    // 15 pages on both sides of a multiple of 16.
    let region = Region<TestHost>(1..<31)
    let heap = ChunkHeap(
      memory: fixture.memory, kind: .test(3, keeping: .returnedAtOnce), region: region,
      chunk: Order(4))
    #expect(heap == nil)
  }
}
