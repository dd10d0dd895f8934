// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// Machines whose memory is nearer to some CPUs than to others.
struct NodeTests {
  let fixture = HeapFixture(inlineFreeLimit: 0, nodeCount: 3)

  private func node(_ buffer: TestBuffer) throws -> Int {
    let block = try #require(buffer.blocks.front)
    return Int(fixture.pools.properties(of: fixture.host.pool(of: block)).kind.node.rawValue)
  }

  private func buffer(
    _ pages: Int, of heap: BufferHeap<TestHost>, on node: Int
  ) throws -> TestBuffer {
    try fixture.host.onNode(node) { try fixture.buffer(pages, of: heap) }
  }

  @Test func memory_isOfTheCallersNode_andGoesHome() throws {
    let heap = try fixture.singleBlockHeap()
    #expect(heap.pools.nodeCount == 3)
    let buffers = try (0..<3).map { try buffer(5, of: heap, on: $0) }
    for (home, buffer) in buffers.enumerated() {
      #expect(try node(buffer) == home)
      // Whoever frees it, in the pool of its node it is found again.
      fixture.host.onNode((home + 1) % 3) { heap.free(buffer, mayBeWritten: false) }
    }
    for home in [2, 0, 1] {
      let buffer = try buffer(5, of: heap, on: home)
      #expect(try node(buffer) == home)
      heap.free(buffer, mayBeWritten: false)
    }
    #expect(heap.counters.total().poolMisses == 3)
    fixture.close(heap)
  }

  /// Pooled memory of any node goes before new memory.
  @Test func take_goesToOtherNodesAfterItsOwn() throws {
    let heap = try fixture.singleBlockHeap()
    let stocked = try [0, 1, 2, 2].map { try buffer(5, of: heap, on: $0) }
    for buffer in stocked { heap.free(buffer, mayBeWritten: false) }
    let taken = try (0..<4).map { _ in try buffer(5, of: heap, on: 1) }
    #expect(try taken.map { try node($0) } == [1, 2, 2, 0])
    #expect(heap.counters.total().poolMisses == 4)
    for buffer in taken { heap.free(buffer, mayBeWritten: false) }
    fixture.close(heap)
  }

  @Test func take_ofManyBlocks_goesToOtherNodesAfterItsOwn() throws {
    let heap = try fixture.systemHeap(orders: [Order(0)])
    let stocked = try [0, 1, 2].map { try buffer(10, of: heap, on: $0) }
    for buffer in stocked { heap.free(buffer, mayBeWritten: false) }
    let taken = try buffer(25, of: heap, on: 2)
    let nodes = fixture.host.blocks(in: taken.blocks).map {
      fixture.pools.properties(of: fixture.host.pool(of: $0)).kind.node.rawValue
    }
    #expect(
      nodes == Array(repeating: 2, count: 10) + Array(repeating: 0, count: 10)
        + Array(repeating: 1, count: 5))
    #expect(heap.counters.total().poolMisses == 30)
    heap.free(taken, mayBeWritten: false)
    fixture.close(heap)
  }

  /// What is free on another node is better than what must be reclaimed on this one, and that is better than
  /// what must be reclaimed there.
  @Test func source_isAskedGentlyEverywhereFirst() throws {
    let heap = try fixture.singleBlockHeap()
    for (failures, node, effort) in [
      (0, 1, AllocationEffort.none), (1, 2, .none), (2, 0, .none), (3, 1, .full), (4, 2, .full),
      (5, 0, .full),
    ] {
      fixture.host.failWhere { $0.number <= failures ? .outOfMemory : nil }
      var made: TestBuffer?
      let events = try fixture.host.logging { made = try buffer(5, of: heap, on: 1) }
      let got = try #require(made)
      #expect(try self.node(got) == node)
      #expect(events.last == .allocated(5, effort))
      #expect(events.count == failures + 1)
      heap.free(got, mayBeWritten: false)
      fixture.memory.reclaimAll()
    }
    fixture.host.failWhere { _ in .outOfMemory }
    let events = fixture.host.logging {
      #expect(throws: TestFailure.outOfMemory) { try heap.allocate(PageCount(5)) }
    }
    #expect(events.count == 6)
    fixture.close(heap)
  }

  /// A large block is tried for gently, once on each node.
  @Test func source_isAskedOnceForLargeBlocks() throws {
    let heap = try fixture.systemHeap(orders: [Order(4), Order(0)])
    fixture.host.failWhere { $0.pages > 1 ? .outOfMemory : nil }
    var made: TestBuffer?
    let events = try fixture.host.logging { made = try buffer(16, of: heap, on: 0) }
    #expect(events.filter { $0 == .refused(16, .none) }.count == 3)
    #expect(events.count == 3 + 16)
    heap.free(try #require(made), mayBeWritten: false)
    fixture.close(heap)
  }

  /// The kernel's shrinkers are asked for the memory of one node.
  @Test func shrinker_freesTheNodeItIsAskedFor() throws {
    let heap = try fixture.singleBlockHeap()
    let anywhere = try fixture.singleBlockHeap(.test(0, node: MemoryNode(rawValue: 1)))
    #expect(anywhere.pools.nodeCount == 1)
    let stocked = try [0, 1, 1, 2].map { try buffer(5, of: heap, on: $0) }
    for buffer in stocked { heap.free(buffer, mayBeWritten: false) }
    anywhere.free(try fixture.buffer(3, of: anywhere), mayBeWritten: false)
    let nodes = (0..<3).map { MemoryNode(rawValue: Int16($0)) }
    #expect(
      nodes.map { fixture.pools.reclaimablePages(of: $0) }
        == [PageCount(5), PageCount(13), PageCount(5)])
    #expect(fixture.pools.reclaimablePages() == PageCount(23))
    #expect(fixture.memory.shrinkPools(PageCount(1000), of: nodes[1]) == PageCount(13))
    #expect(
      nodes.map { fixture.pools.reclaimablePages(of: $0) } == [PageCount(5), .zero, PageCount(5)])
    #expect(fixture.memory.shrinkPools(PageCount(1), of: nodes[1]) == .zero)
    #expect(fixture.memory.shrinkPools(PageCount(1), of: nodes[2]) == PageCount(5))
    #expect(fixture.check().pooled == PageCount(5))
    fixture.close(heap, anywhere)
  }

  /// Memory whose node is not known is every node's.
  @Test func shrinker_freesMemoryOfAnyNode() throws {
    let single = HeapFixture()
    let heap = try single.singleBlockHeap()
    heap.free(try single.buffer(5, of: heap), mayBeWritten: false)
    #expect(single.memory.shrinkPools(PageCount(1), of: MemoryNode(rawValue: 3)) == PageCount(5))
    single.close(heap)
  }

  /// Marks are each node's, all or none.
  @Test func watermarks_areOfEachNode() throws {
    let heap = try fixture.singleBlockHeap()
    fixture.pools.setLimit(PageCount(30))
    let marks = try #require(Watermarks(low: 2, high: 2))
    #expect(try heap.setWatermarks(marks, holding: PageCount(5)))
    #expect(heap.watermarks(holding: PageCount(5)) == marks)
    var pace = fixture.pace()
    while fixture.memory.workerTurn(&pace, now: 0) == .worked {}
    #expect((0..<3).map { fixture.pools.blockCount(of: heap.pools[4, $0]) } == [2, 2, 2])
    // Two nodes' fit beside what there is, the third's do not.
    let more = try #require(Watermarks(low: 1, high: 1))
    fixture.pools.setLimit(PageCount(32))
    #expect(throws: WatermarksExceedLimit.self) {
      try heap.setWatermarks(more, holding: PageCount(1))
    }
    #expect((0..<3).allSatisfy { fixture.pools.watermarks(of: heap.pools[0, $0]) == .none })
    fixture.close(heap)
  }

  @Test func init_withoutRoomForItsPools_leavesNothing() throws {
    let small = HeapFixture(poolCapacity: 8, nodeCount: 3)
    #expect(SystemHeap(memory: small.memory, kind: .test()) == nil)
    #expect(small.pools.roundRobin().isEmpty)
    small.close(try small.systemHeap(orders: [Order(1), Order(0)]))
  }
}
