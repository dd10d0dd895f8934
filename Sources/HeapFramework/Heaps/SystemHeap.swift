// SPDX-License-Identifier: MIT

public import PagePools

/// Buffers of as few and as large blocks as memory allows: orders 8, 4 and 0 (S1).
///
/// 1 MiB and 64 KiB blocks are what device MMUs map with one entry; single pages take the rest.
public final class SystemHeap<Host: HeapHost>: BufferHeap<Host>, @unchecked Sendable {
  /// The orders the series uses, largest first.
  public static var standardOrders: [Order] { [Order(8), Order(4), Order(0)] }

  /// Whether a heap can be made of these orders: they descend, each once, and the last one is 0.
  public static func areValid(_ orders: [Order]) -> Bool {
    for index in orders.indices.dropFirst() where orders[index] >= orders[index - 1] {
      return false
    }
    return orders.last == Order(0)
  }

  /// Makes a heap and one pool for each order.
  ///
  /// - Parameters:
  ///   - memory: shared with other heaps.
  ///   - kind: of all its blocks.
  ///   - orders: as ``areValid(_:)`` asks.
  ///   - largest: pages; the heap refuses larger buffers before it takes any memory. A host gives
  ///     what its machine has.
  /// - Returns: nil when the pool set has no room for so many pools; nothing is left behind.
  /// - Context: allocates; may block.
  public init?(
    memory: BufferMemory<Host>, kind: MemoryKind, orders: [Order] = standardOrders,
    largest: PageCount = PageCount(1 << 28)
  ) {
    precondition(Self.areValid(orders), "orders descend to 0")
    super.init(memory: memory, sizes: orders.map { $0.pages }, kind: kind, largest: largest)
  }

  /// Takes blocks of together exactly `pages` pages, in descending sizes.
  ///
  /// - Throws: `.interrupted` (EINTR) when the caller is being killed; the host's reason.
  public override func takeBlocks(
    _ pages: PageCount, into blocks: inout BlockChain<Host>, poolMisses: inout Int
  ) throws(Host.Failure) {
    var stride = WorkStride(memory.host.pageSize)
    let smallest = pools.sizeCount - 1
    // Never above the last order that succeeded: larger ones were just seen to be exhausted.
    var order = 0
    while blocks.pages < pages {
      guard !memory.host.isCallerKilled else { throw Host.Failure.interrupted }
      let before = blocks.pages
      let remaining = pages - before
      while size(order) > remaining { order += 1 }
      if !takePooled(order, upTo: remaining, &blocks) {
        guard let obtained = try getNew(order, isLast: order == smallest, for: remaining) else {
          order += 1
          continue
        }
        poolMisses += obtained.wasPooled ? 0 : 1
        blocks.append(obtained.block, in: memory.host)
      }
      if blocks.pages < pages { stride.advance(by: blocks.pages - before, on: memory.host) }
    }
  }

  private func size(_ order: Int) -> PageCount { memory.pools.size(of: pools[order, 0]) }

  /// Takes what the pools of an order have, the nearest first, in as few steps as possible.
  private func takePooled(
    _ order: Int, upTo remaining: PageCount, _ blocks: inout BlockChain<Host>
  ) -> Bool {
    let before = blocks.pages
    let size = size(order)
    let home = pools.homeNode(memory.host)
    var node = home
    for _ in 0..<pools.nodeCount {
      let missing = remaining - (blocks.pages - before)
      let count = size == PageCount(1) ? missing.rawValue : missing.rawValue / size.rawValue
      guard count > 0 else { break }
      _ = memory.pools.take(count, from: pools[order, node], into: &blocks)
      node = node + 1 < pools.nodeCount ? node + 1 : 0
    }
    guard blocks.pages > before else { return false }
    memory.host.trace(.hit, pools.kind, blocks.pages - before)
    if memory.pools.isRefillDue(afterTakingFrom: pools[order, home]) { memory.host.wakeWorker() }
    return true
  }

  /// Gets a block of an order of which the pools have none.
  ///
  /// - Returns: nil if a smaller one is to be tried.
  private func getNew(
    _ order: Int, isLast: Bool, for remaining: PageCount
  ) throws(Host.Failure) -> (block: Host.Block, wasPooled: Bool)? {
    // A large block is worth a try, not a reclaim: smaller ones will do.
    guard isLast else { return try? memory.obtainMissing(order, of: pools, effort: .none) }
    return try memory.withReclaim(remaining, pools.kind) { () throws(Host.Failure) in
      try memory.obtainMissing(order, of: pools, effort: .full)
    }
  }

  /// Sets how many blocks of an order are to be there before anybody asks (P9).
  ///
  /// - Returns: false when the heap has no blocks of that order.
  /// - Throws: ``PagePools/WatermarksExceedLimit``.
  /// - Context: no lock held; does not block.
  @discardableResult
  public func setWatermarks(
    _ marks: Watermarks, of order: Order
  ) throws(WatermarksExceedLimit) -> Bool {
    for index in 0..<pools.sizeCount where size(index) == order.pages {
      try memory.setWatermarks(marks, index, of: pools)
      return true
    }
    return false
  }
}
