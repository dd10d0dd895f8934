// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// Pools and deferred freeing on a test host.
struct HeapFixture {
  let host: TestHost
  let pools: PoolSet<TestHost>
  let memory: BufferMemory<TestHost>

  init(
    limit: Int = 1_000_000, deferredLimit: Int = 10_000, inlineFreeLimit: Int = 4,
    poolCapacity: Int = 128, helpingThreshold: Int? = 4
  ) {
    host = TestHost()
    pools = PoolSet(
      source: host, limit: PageCount(limit), shardCount: 2, poolCapacity: poolCapacity)
    memory = BufferMemory(
      pools: pools, deferredLimit: PageCount(deferredLimit),
      inlineFreeLimit: PageCount(inlineFreeLimit), helpingThreshold: helpingThreshold)
  }

  func systemHeap(orders: [Order] = SystemHeap<TestHost>.standardOrders) throws
    -> SystemHeap<TestHost>
  {
    try #require(SystemHeap(memory: memory, attributes: TestAttributes(), orders: orders))
  }

  func contiguousHeap(largest: Int = 64) throws -> ContiguousHeap<TestHost> {
    try #require(
      ContiguousHeap(
        memory: memory, attributes: TestAttributes(), largest: PageCount(largest)))
  }

  /// A buffer of the heap's, its blocks all found to be zero.
  func buffer(_ pages: Int, of heap: SystemHeap<TestHost>) throws -> TestBuffer {
    let chain = try heap.allocate(PageCount(pages))
    try #require(chain.pages == PageCount(pages))
    try #require(host.blocks(in: chain).allSatisfy { host.isZero($0) }, "H6: not zeroed")
    return host.makeBuffer(chain)
  }

  func buffer(_ pages: Int, of heap: ContiguousHeap<TestHost>) throws -> TestBuffer {
    let block = try heap.allocateBlock(PageCount(pages)).block
    try #require(host.isZero(block), "H6: not zeroed")
    return host.makeBuffer(block)
  }

  /// The sizes of a chain's blocks, in order.
  func sizes(_ chain: BlockChain<TestHost>) -> [Int] {
    host.blocks(in: chain).map { host.pool(of: $0).blockSize.rawValue }
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
    return accounts
  }

  /// Checks that nothing is live, closes the heap, and checks that everything is at the source: how
  /// every test ends.
  func close(_ heap: some PooledHeap<TestHost>, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(heap.counters.total().liveBuffers == 0, sourceLocation: sourceLocation)
    #expect(heap.counters.total().livePages == .zero, sourceLocation: sourceLocation)
    expectIdle(sourceLocation)
    heap.close()
    expectNothingLeft(sourceLocation)
  }

  private func expectIdle(_ sourceLocation: SourceLocation) {
    let accounts = check(sourceLocation: sourceLocation)
    #expect(accounts.inBuffers == .zero, "a buffer is live", sourceLocation: sourceLocation)
    #expect(accounts.deferred == .zero, "a buffer waits", sourceLocation: sourceLocation)
    #expect(host.counts.liveBuffers == 0, "buffers leaked", sourceLocation: sourceLocation)
  }

  private func expectNothingLeft(_ sourceLocation: SourceLocation) {
    #expect(pools.checkInvariants() == PageAccounts(), sourceLocation: sourceLocation)
    #expect(host.counts.liveBlocks == 0, "blocks leaked", sourceLocation: sourceLocation)
  }
}
