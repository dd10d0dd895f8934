// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// A buffer of a test's: its blocks, and whom they are charged to.
typealias TestBuffer = Allocation<TestHost>

extension TestHost {
  /// Makes a buffer's contents something else than zeroes.
  func write(_ buffer: TestBuffer) { write(buffer.blocks) }
}

/// Pools and deferred freeing on a test host.
struct HeapFixture {
  let host: TestHost
  let pools: PoolSet<TestHost>
  let memory: BufferMemory<TestHost>

  init(
    limit: Int = 1_000_000, deferredLimit: Int = 10_000, inlineFreeLimit: Int = 4,
    poolCapacity: Int = 128, helpingThreshold: Int? = 4, capacity: Int = 4096,
    pageSize: PageSize = PageSize(shift: 12), nodeCount: Int = 1
  ) {
    host = TestHost(capacity: capacity, pageSize: pageSize, nodeCount: nodeCount)
    pools = PoolSet(
      source: host, limit: PageCount(limit), shardCount: 2, poolCapacity: poolCapacity)
    memory = BufferMemory(
      pools: pools, deferredLimit: PageCount(deferredLimit),
      inlineFreeLimit: PageCount(inlineFreeLimit), helpingThreshold: helpingThreshold)
  }

  func systemHeap(
    _ kind: MemoryKind = .test(), orders: [Order] = SystemHeap<TestHost>.standardOrders
  ) throws -> SystemHeap<TestHost> {
    try #require(SystemHeap(memory: memory, kind: kind, orders: orders))
  }

  func singleBlockHeap(
    _ kind: MemoryKind = .test(), largest: Int = 64
  ) throws -> SingleBlockHeap<TestHost> {
    try #require(SingleBlockHeap(memory: memory, kind: kind, largest: PageCount(largest)))
  }

  /// A worker's pace.
  func pace(pause: UInt64 = 0) -> RefillPace {
    RefillPace(pause: pause, poolCapacity: pools.poolCapacity)
  }

  /// A buffer of the heap's, its blocks all found to be zero.
  func buffer(_ pages: Int, of heap: BufferHeap<TestHost>) throws -> TestBuffer {
    let buffer = try heap.allocate(PageCount(pages))
    try #require(buffer.blocks.pages == heap.size(holding: PageCount(pages)))
    try #require(host.blocks(in: buffer.blocks).allSatisfy { host.isZero($0) }, "H6: not zeroed")
    return buffer
  }

  /// What `allocateBlock` returned, as a buffer.
  func buffer(_ block: TestBlock, _ owner: TestOwner) -> TestBuffer {
    TestBuffer(blocks: BlockChain(block, in: host), owner: owner)
  }

  /// The sizes of a buffer's blocks, in order.
  func sizes(_ buffer: TestBuffer) -> [Int] {
    host.blocks(in: buffer.blocks).map { host.size(of: $0).rawValue }
  }

  /// The worker's turns until nothing waits.
  func freeAllDeferred() {
    while memory.freeOldestDeferred() {}
  }

  /// Checks that every block at the source's other side is in a buffer, waits, or is pooled.
  @discardableResult
  func check(sourceLocation: SourceLocation = #_sourceLocation) -> PageAccounts {
    let accounts = pools.checkInvariants()
    #expect(
      accounts.taken.rawValue == host.counts.livePages, "the source disagrees",
      sourceLocation: sourceLocation)
    #expect(
      accounts.deferred == memory.deferred.waitingPages, "the backlog disagrees",
      sourceLocation: sourceLocation)
    #expect(accounts.freeing == .zero, "nobody frees now", sourceLocation: sourceLocation)
    #expect(
      accounts.inBuffers.rawValue == host.counts.chargedPages, "a charge does not fit a buffer",
      sourceLocation: sourceLocation)
    return accounts
  }

  /// Checks that nothing is live, closes the heaps, and checks that everything is at the source: how
  /// every test ends.
  func close(
    _ heaps: BufferHeap<TestHost>..., sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let accounts = check(sourceLocation: sourceLocation)
    #expect(accounts.inBuffers == .zero, "a buffer is live", sourceLocation: sourceLocation)
    #expect(accounts.deferred == .zero, "a buffer waits", sourceLocation: sourceLocation)
    #expect(host.counts.chargedPages == 0, "a charge is left", sourceLocation: sourceLocation)
    for heap in heaps {
      #expect(heap.counters.total().liveBuffers == 0, sourceLocation: sourceLocation)
      #expect(heap.counters.total().livePages == .zero, sourceLocation: sourceLocation)
      heap.close()
    }
    #expect(pools.checkInvariants() == PageAccounts(), sourceLocation: sourceLocation)
    #expect(host.counts.liveBlocks == 0, "blocks leaked", sourceLocation: sourceLocation)
  }
}
