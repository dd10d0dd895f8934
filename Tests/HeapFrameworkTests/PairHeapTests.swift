// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

// What it takes to add a heap: all of it is here.

/// Buffers of any number of pairs of pages, as chunks of a fixed size come.
private final class PairHeap: BufferHeap<TestHost>, @unchecked Sendable {
  /// Pages in each block.
  static let pair = 2

  init?(memory: BufferMemory<TestHost>, kind: MemoryKind, largest: PageCount) {
    super.init(memory: memory, sizes: [PageCount(Self.pair)], kind: kind, largest: largest)
  }

  /// Half a pair does not exist.
  override func size(holding pages: PageCount) -> PageCount {
    PageCount((pages.rawValue + Self.pair - 1) / Self.pair * Self.pair)
  }

  /// Takes what is pooled, and gets the rest in one batch.
  override func takeBlocks(
    _ pages: PageCount, into blocks: inout BlockChain<TestHost>, poolMisses: inout Int
  ) throws(TestFailure) {
    let pool = pools[0, 0]
    let wanted = size(holding: pages).rawValue / Self.pair
    let missing = wanted - memory.pools.take(wanted, from: pool, into: &blocks)
    guard missing > 0 else { return }
    var batch = BlockChain<TestHost>()
    try memory.withReclaim(PageCount(missing * Self.pair), pools.kind) { () throws(TestFailure) in
      try memory.pools.allocate(missing, for: pool, effort: .full, into: &batch)
    }
    blocks.append(batch, in: memory.host)
    poolMisses += missing
  }
}

/// A heap of a kind that the framework does not know has all that heaps have.
struct PairHeapTests {
  private let fixture = HeapFixture(deferredLimit: 100, inlineFreeLimit: 4)

  private func heap(_ kind: MemoryKind = .test(), largest: Int = 1000) throws -> PairHeap {
    try #require(PairHeap(memory: fixture.memory, kind: kind, largest: PageCount(largest)))
  }

  @Test func buffers_arePairs() throws {
    let heap = try heap()
    for (pages, pairs) in [(1, 1), (2, 1), (3, 2), (9, 5)] {
      let buffer = try fixture.buffer(pages, of: heap)
      #expect(fixture.sizes(buffer) == Array(repeating: 2, count: pairs))
      #expect(fixture.host.counts.chargedPages == 2 * pairs)
      heap.free(buffer, mayBeWritten: false)
    }
    // Each took what the one before it had given.
    #expect(heap.counters.total().poolMisses == 5)
    #expect(heap.counters.total().allocatedPages == PageCount(18))
    fixture.close(heap)
  }

  @Test func buffers_areFreedAsAnyOther() throws {
    let heap = try heap()
    let buffer = try fixture.buffer(33, of: heap)
    fixture.host.write(buffer)
    #expect(fixture.host.logging { heap.free(buffer, mayBeWritten: true) }.isEmpty)
    #expect(fixture.check().deferred == PageCount(34))
    #expect(fixture.memory.freeOldestDeferred())
    #expect(fixture.check().pooled == PageCount(34))
    fixture.close(heap)
  }

  /// A batch is all or nothing, what was taken from the pool goes to the source, and the request is counted.
  @Test func requests_thatFail_leaveNothing() throws {
    let heap = try heap()
    heap.free(try fixture.buffer(6, of: heap), mayBeWritten: false)
    fixture.host.failWhere { $0.number == 4 ? .impossible : nil }
    #expect(throws: TestFailure.impossible) { try heap.allocate(PageCount(20)) }
    #expect(fixture.check() == PageAccounts())
    #expect(heap.counters.total().failures == 1)
    let shortage = Shortage(of: PageCount(1001), .largestBuffer(PageCount(1000)))
    #expect(throws: TestFailure.refused(shortage)) { try heap.allocate(PageCount(1001)) }
    fixture.close(heap)
  }

  /// It relieves others of its kind, and they relieve it.
  @Test func requests_thatAreShort_areRelieved() throws {
    let heap = try heap()
    let other = try fixture.singleBlockHeap()
    other.free(try fixture.buffer(8, of: other), mayBeWritten: false)
    fixture.host.failAbove(livePages: 16)
    let buffer = try fixture.buffer(16, of: heap)
    #expect(fixture.check().taken == PageCount(16))
    heap.free(buffer, mayBeWritten: false)
    let block = try fixture.buffer(8, of: other)
    #expect(fixture.check().pooled == PageCount(8))
    other.free(block, mayBeWritten: false)
    fixture.close(heap, other)
  }

  /// What hosts are told of its memory.
  @Test(arguments: [(Caching.cached, true), (.writeCombined, false), (.uncached, false)])
  func exports_followTheKind(_ caching: Caching, _ needsMaintenance: Bool) throws {
    let kind = MemoryKind(MemorySource(rawValue: 3), caching: caching)
    let heap = try heap(kind)
    #expect(heap.exportAttributes.caching == caching)
    #expect(heap.exportAttributes.needsCacheMaintenance == needsMaintenance)
    #expect(heap.exportAttributes == ExportAttributes(for: kind))
    fixture.close(heap)
  }

  /// Which ways to a buffer's memory make it dirty (S4).
  @Test func accesses_thatCanWrite() {
    #expect(BufferAccess.processMapping(canBecomeWritable: true).canWrite)
    #expect(!BufferAccess.processMapping(canBecomeWritable: false).canWrite)
    #expect(BufferAccess.deviceMapping(deviceWrites: true).canWrite)
    #expect(!BufferAccess.deviceMapping(deviceWrites: false).canWrite)
    #expect(BufferAccess.kernelMapping.canWrite)
  }
}
