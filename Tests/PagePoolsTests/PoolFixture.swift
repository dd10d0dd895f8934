// SPDX-License-Identifier: MIT

import PagePools
import TestSupport
import Testing

/// A set of pools on a test host.
struct PoolFixture {
  let host: TestHost
  let set: PoolSet<TestHost>

  init(
    limit: Int = 1_000_000, shardCount: Int = 1, poolCapacity: Int = 16, reservationSlack: Int = 0,
    capacity: Int = 4096, pageSize: PageSize = PageSize(shift: 12)
  ) {
    host = TestHost(capacity: capacity, pageSize: pageSize)
    set = PoolSet(
      source: host, limit: PageCount(limit), shardCount: shardCount, poolCapacity: poolCapacity,
      reservationSlack: PageCount(reservationSlack))
  }

  /// Adds a pool of blocks of `pages` pages.
  func pool(_ pages: Int, kind: MemoryKind = .test()) throws -> PoolID {
    try #require(
      set.addPool(blockSize: PageCount(pages), kind: kind))
  }

  /// Gets `count` new blocks.
  func blocks(_ count: Int, for pool: PoolID) throws -> [TestBlock] {
    try (0..<count).map { _ in try set.allocate(for: pool, effort: .full) }
  }

  /// Gets `count` new blocks and gives them to the pool, the first one first.
  @discardableResult
  func stock(_ count: Int, _ pool: PoolID) throws -> [TestBlock] {
    let blocks = try blocks(count, for: pool)
    for block in blocks { set.give(block, from: .buffer) }
    return blocks
  }

  /// Pages of the blocks that `body` makes the set release, in order.
  func released<E: Error>(_ body: () throws(E) -> Void) throws(E) -> [Int] {
    try host.logging(body).compactMap { if case .released(let pages) = $0 { pages } else { nil } }
  }

  /// The pools in the order in which the shrinker will come to them.
  var roundRobin: [PoolID] { self.set.roundRobin() }

  /// Checks that no buffer holds anything, destroys all pools, and checks that everything is back
  /// at the source: how every test ends.
  func close(sourceLocation: SourceLocation = #_sourceLocation) {
    let accounts = set.checkInvariants()
    #expect(accounts.inBuffers == .zero, "a buffer is live", sourceLocation: sourceLocation)
    #expect(accounts.deferred == .zero, "a buffer waits", sourceLocation: sourceLocation)
    #expect(accounts.freeing == .zero, "somebody frees", sourceLocation: sourceLocation)
    #expect(
      accounts.taken.rawValue == host.counts.livePages, "the source disagrees",
      sourceLocation: sourceLocation)
    for pool in roundRobin { set.destroy(pool) }
    #expect(set.checkInvariants() == PageAccounts(), sourceLocation: sourceLocation)
    #expect(host.counts.liveBlocks == 0, "blocks leaked", sourceLocation: sourceLocation)
    #expect(host.counts.livePages == 0, "pages leaked", sourceLocation: sourceLocation)
  }
}
