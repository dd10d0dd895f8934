// SPDX-License-Identifier: MIT

import Benchmark
import HeapFramework
import PagePools

/// What the core itself costs, without memory behind it: ratios to baselines of the same run.
let benchmarks: @Sendable () -> Void = {
  poolBenchmarks()
  deferredFreeBenchmarks()
  shrinkerBenchmarks()
  requestBenchmarks()
}

private struct Stock: Sendable {
  let host: InMemoryHost
  let pools: PoolSet<InMemoryHost>
  let pool: PoolID

  /// A pool of `blockCount` single pages, all on shard `shard` of `shardCount`.
  init(blockCount: Int, shardCount: Int, filling shard: Int = 0) {
    host = InMemoryHost(blockCount: blockCount + 1)
    pools = PoolSet(source: host, limit: PageCount(1 << 20), shardCount: shardCount)
    guard
      let pool = pools.addPool(
        blockSize: PageCount(1), kind: MemoryKind(MemorySource(rawValue: 0)))
    else {
      preconditionFailure("a new set has room for a pool")
    }
    self.pool = pool
    host.homeShard = shard
    for _ in 0..<blockCount { pools.give(newBlock(), from: .buffer) }
  }

  func newBlock() -> InMemoryBlock {
    guard let block = try? pools.allocate(for: pool, effort: .none) else {
      preconditionFailure("the host has as many blocks as are needed")
    }
    return block
  }

  func takeAndGive() {
    guard let block = pools.take(from: pool) else { return }
    pools.give(block, from: .buffer)
  }
}

private func poolBenchmarks() {
  let own = Stock(blockCount: 64, shardCount: 8)
  compare("take and give, own shard") { own.takeAndGive() }

  let byCPU = Stock(blockCount: 64, shardCount: 2)
  byCPU.host.homeShard = nil
  compare("take and give, shard of the CPU") { byCPU.takeAndGive() }

  let two = Stock(blockCount: 64, shardCount: 2)
  two.host.homeShard = nil
  compare("take and give, 2 threads, 2 shards", threadCount: 2) { two.takeAndGive() }

  let shared = Stock(blockCount: 64, shardCount: 1)
  compare("take and give, 2 threads, 1 shard", threadCount: 2) { shared.takeAndGive() }

  let empty = Stock(blockCount: 0, shardCount: 8)
  compare("take, nothing on 8 shards", with: [.lockedArray]) {
    blackHole(empty.pools.take(from: empty.pool) == nil)
  }
}

private func deferredFreeBenchmarks() {
  let stock = Stock(blockCount: 0, shardCount: 1)
  let list = DeferredFreeList(
    items: DeferredBlocks(source: stock.host), limit: PageCount(1024))
  let block = stock.newBlock()
  compare("append and take oldest", with: [.lockedArray]) {
    blackHole(list.append(block))
    blackHole(list.takeOldest())
  }
}

private func shrinkerBenchmarks() {
  let stock = Stock(blockCount: 64, shardCount: 8)
  compare("allocate, give and scan(1)", with: [.lockedArray]) {
    stock.pools.give(stock.newBlock(), from: .buffer)
    blackHole(stock.pools.scan(PageCount(1)))
  }

  let refilled = Stock(blockCount: 100, shardCount: 8)
  compare("allocate, give and setLimit(0), 100 blocks", batch: 100, with: [.lockedArray]) {
    refilled.pools.setLimit(.zero)
    refilled.pools.setLimit(PageCount(1 << 20))
    for _ in 0..<100 {
      refilled.pools.give(refilled.newBlock(), from: .buffer)
    }
  }
}

private func requestBenchmarks() {
  compare("size class of a length") {
    blackHole(SizeClass(holding: PageCount(identity(777))))
  }

  let arguments: InlineArray<24, UInt8> = [
    1, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  ]
  compare("decode a request") {
    // SAFETY: bytes have no padding.
    blackHole(
      try? unsafe AllocationRequest(
        arguments: arguments.span.bytes, pageSize: PageSize(shift: 12)))
  }
}
