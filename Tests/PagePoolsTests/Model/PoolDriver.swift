// SPDX-License-Identifier: MIT

import PagePools
import Synchronization
import TestSupport
import Testing

/// Does to a real set of pools what is done to a model, and compares everything there is to see.
final class PoolDriver {
  /// What one driver works with.
  struct Configuration {
    var sizes: [Int]
    var shardCount: Int
    var limit: Int
    var deferredLimit: Int
    /// Pages at the source.
    var capacity: Int
    /// Pages of the limit that a shard may keep reserved; the model knows nothing of it.
    var reservationSlack = 0
  }

  /// Blocks that the set released since the last operation.
  private final class ReleaseLog: Sendable {
    private let blocks = Locked<[TestBlock], SpinLock>([])

    func append(_ block: TestBlock) { blocks.withLock { $0.append(block) } }

    func takeAll() -> [TestBlock] {
      blocks.withLock { blocks in
        let all = blocks
        blocks.removeAll(keepingCapacity: true)
        return all
      }
    }
  }

  let host: TestHost
  private let set: PoolSet<TestHost>
  private let deferred: DeferredFreeList<DeferredBlocks<TestHost>>
  private let pools: [PoolID]
  private let log = ReleaseLog()
  private(set) var model: PoolModel

  init(_ configuration: Configuration) throws {
    host = TestHost(capacity: 64)
    let set = PoolSet(
      source: host, limit: PageCount(configuration.limit), shardCount: configuration.shardCount,
      poolCapacity: configuration.sizes.count,
      reservationSlack: PageCount(configuration.reservationSlack))
    self.set = set
    deferred = DeferredFreeList(
      items: DeferredBlocks(source: host), limit: PageCount(configuration.deferredLimit))
    pools = try configuration.sizes.map { size in
      try #require(set.addPool(blockSize: PageCount(size), kind: .test()))
    }
    model = PoolModel(
      sizes: configuration.sizes, shardCount: configuration.shardCount, limit: configuration.limit,
      deferredLimit: configuration.deferredLimit)
    host.failAbove(livePages: configuration.capacity)
    host.onRelease { [log] in log.append($0) }
  }

  /// Does an operation on both sides and compares what it returned and released.
  ///
  /// - Throws: a description of the first difference.
  func apply(_ operation: PoolModel.Operation) throws {
    let isMiss = model.isMiss(operation)
    let allocatedBefore = host.counts.allocated
    var effect = perform(operation)
    effect.released = log.takeAll()
    let didAllocate = host.counts.allocated > allocatedBefore
    try check(!didAllocate || isMiss, operation, "the source was asked though a pool had a block")
    let expected = model.apply(operation, allocated: didAllocate ? effect.obtained : nil)
    try check(effect == expected, operation, "got \(effect), expected \(expected)")
  }

  /// Compares everything that can be observed, and checks the set's own invariants.
  func compare(after operation: PoolModel.Operation) throws {
    let accounts = set.checkInvariants()
    try check(accounts.pooled.rawValue == model.pooledPages, operation, "pooled pages")
    try check(accounts.inBuffers.rawValue == model.heldPages, operation, "pages in buffers")
    try check(accounts.deferred.rawValue == model.waitingPages, operation, "deferred pages")
    try check(accounts.freeing == .zero, operation, "nobody frees")
    try check(accounts.taken.rawValue == host.counts.livePages, operation, "taken pages")
    try check(set.totalPages.rawValue == model.pooledPages, operation, "total")
    try check(set.totalPages <= set.limit, operation, "over the limit")
    try check(set.reclaimablePages() == accounts.pooled, operation, "reclaimable")
    try check(deferred.waitingPages.rawValue == model.waitingPages, operation, "waiting pages")
    var position = 0
    var isSame = true
    for pool in set.roundRobin() {
      let expected = model.order[position]
      isSame =
        isSame && pool == pools[expected]
        && set.blockCount(of: pool) == model.blockCount(expected)
      position += 1
    }
    try check(isSame && position == pools.count, operation, "round robin or stocks")
  }

  /// Gives everything back and checks that nothing is left at the source.
  func close() throws {
    for pool in pools.indices {
      while !model.held[pool].isEmpty { try apply(.release(pool: pool)) }
    }
    try apply(.scanDeferred(Int.max))
    for pool in pools { set.destroy(pool) }
    let last = PoolModel.Operation.scanDeferred(Int.max)
    try check(set.checkInvariants() == PageAccounts(), last, "something is left in the accounts")
    try check(host.counts.liveBlocks == 0 && host.counts.livePages == 0, last, "blocks leaked")
  }

  private func perform(_ operation: PoolModel.Operation) -> PoolModel.Effect {
    switch operation {
    case .obtain(let pool, let shard):
      let block = host.onShard(shard) {
        set.take(from: pools[pool]) ?? (try? set.allocate(for: pools[pool], effort: .full))
      }
      return PoolModel.Effect(obtained: block)
    case .give(let pool, let shard):
      let block = model.held[pool][model.held[pool].count - 1]
      host.onShard(shard) { set.give(block, from: .buffer) }
      return PoolModel.Effect()
    case .release(let pool):
      set.release(model.held[pool][model.held[pool].count - 1], from: .buffer)
      return PoolModel.Effect()
    case .deferFree(let pool):
      let block = model.held[pool][model.held[pool].count - 1]
      set.move(host.size(of: block), from: .buffer, to: .deferredFree)
      if deferred.append(block) == .refused { free(block, .normal) }
      return PoolModel.Effect()
    case .freeOldest(let shard):
      let pages: PageCount? = host.onShard(shard) {
        guard let block = deferred.takeOldest() else { return nil }
        let size = host.size(of: block)
        free(block, .normal)
        return size
      }
      return PoolModel.Effect(freed: pages?.rawValue)
    case .scanDeferred(let target):
      var freed = 0
      host.forbiddingAllocation {
        while freed < target, let block = deferred.takeOldest() {
          freed += host.size(of: block).rawValue
          free(block, .underPressure)
        }
      }
      return PoolModel.Effect(freed: freed)
    case .scan(let target):
      let freed = host.forbiddingAllocation { set.scan(PageCount(target)) }
      return PoolModel.Effect(freed: freed.rawValue)
    case .setLimit(let limit):
      set.setLimit(PageCount(limit))
      return PoolModel.Effect()
    }
  }

  private func free(_ block: TestBlock, _ reason: FreeReason) {
    set.move(host.size(of: block), from: .deferredFree, to: .freeing)
    switch reason {
    case .normal: set.give(block, from: .freeing)
    case .underPressure: set.release(block, from: .freeing)
    }
  }

  private func check(
    _ isRight: Bool, _ operation: PoolModel.Operation, _ what: @autoclosure () -> String
  ) throws {
    if !isRight { throw Difference(description: "\(operation): \(what()); model: \(model)") }
  }

  /// Where the set and the model part.
  struct Difference: Error, CustomStringConvertible {
    let description: String
  }
}
