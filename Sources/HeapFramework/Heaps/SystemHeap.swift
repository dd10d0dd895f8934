// SPDX-License-Identifier: MIT

public import PagePools

/// Buffers of as few and as large blocks as memory allows: orders 8, 4 and 0 (S1).
///
/// 1 MiB and 64 KiB blocks are what device MMUs map with one entry; 4 KiB pages take the rest.
public final class SystemHeap<Host: HeapHost>: PooledHeap {
  /// Where its memory comes from.
  public let memory: BufferMemory<Host>

  /// What it has done.
  public let counters: HeapCounters<Host>

  private let pools: HeapPools<Host>
  private let largest: PageCount

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
  ///   - attributes: of all its blocks.
  ///   - orders: as ``areValid(_:)`` asks.
  ///   - largest: pages; the heap refuses larger buffers before it takes any memory. A host gives
  ///     what its machine has.
  /// - Returns: nil when the pool set has no room for so many pools; nothing is left behind.
  /// - Context: allocates; may block.
  public init?(
    memory: BufferMemory<Host>, attributes: Host.Attributes, orders: [Order] = standardOrders,
    largest: PageCount = PageCount(1 << 28)
  ) {
    precondition(Self.areValid(orders), "orders descend to 0")
    let sizes = orders.map { $0.pages }
    guard let pools = HeapPools(in: memory, sizes: sizes, attributes: attributes) else {
      return nil
    }
    self.pools = pools
    self.memory = memory
    counters = HeapCounters(host: memory.host, shardCount: memory.pools.shardCount)
    self.largest = largest
  }

  /// Takes or gets zeroed blocks of together exactly `pages` pages, in descending sizes.
  ///
  /// - Parameter pages: 1 or more.
  /// - Throws: `.outOfMemory` (ENOMEM) above the largest buffer; `.interrupted` (EINTR) when the caller
  ///   is being killed; the host's reason. Every block already taken is back in its pool then.
  /// - Complexity: O(blocks); allocates nothing but the blocks.
  /// - Context: no lock held; may block.
  public func allocate(_ pages: PageCount) throws(Host.Failure) -> BlockChain<Host> {
    precondition(pages > .zero, "a buffer has at least one page")
    guard pages <= largest else {
      counters.countFailure()
      throw .outOfMemory
    }
    var chain = BlockChain<Host>()
    var poolMisses = 0
    // Never above the last order that succeeded: larger ones were just seen to be exhausted.
    var largest = 0
    do throws(Host.Failure) {
      while chain.pages < pages {
        guard !memory.host.isCallerKilled else { throw Host.Failure.interrupted }
        let block = try nextBlock(atMost: pages - chain.pages, &largest, &poolMisses)
        chain.append(block, in: memory.host)
      }
    } catch {
      memory.poolUnwritten(chain)
      counters.countFailure()
      throw error
    }
    counters.countAllocation(pages, poolMisses: poolMisses)
    return chain
  }

  /// Takes or gets the largest block that still fits.
  ///
  /// - Parameter largest: index of the first order to try; afterwards of the one that succeeded.
  private func nextBlock(
    atMost remaining: PageCount, _ largest: inout Int, _ poolMisses: inout Int
  ) throws(Host.Failure) -> Host.Block {
    while pools[largest].blockSize > remaining { largest += 1 }
    for index in largest..<(pools.count - 1) {
      guard pools[index].blockSize <= remaining else { continue }
      // A large block is worth a try, not a reclaim: smaller ones will do.
      if let obtained = try? memory.obtain(from: pools[index], effort: .light) {
        largest = index
        poolMisses += obtained.wasPooled ? 0 : 1
        return obtained.block
      }
    }
    largest = pools.count - 1
    let obtained = try memory.withReclaim { () throws(Host.Failure) in
      try memory.obtain(from: pools[pools.count - 1], effort: .full)
    }
    poolMisses += obtained.wasPooled ? 0 : 1
    return obtained.block
  }

  /// Sets how many blocks of an order are to be there before anybody asks (P9).
  ///
  /// - Returns: false when the heap has no blocks of that order.
  /// - Context: no lock held; does not block.
  @discardableResult
  public func setWatermarks(_ marks: Watermarks, of order: Order) -> Bool {
    for index in 0..<pools.count where pools[index].blockSize == order.pages {
      memory.setWatermarks(marks, of: pools[index])
      return true
    }
    return false
  }

  /// Destroys the heap's pools, releasing their blocks (P6).
  ///
  /// No buffer of the heap may be live or waiting.
  ///
  /// - Context: no lock held; may block.
  public func close() {
    pools.destroy(in: memory)
  }
}
