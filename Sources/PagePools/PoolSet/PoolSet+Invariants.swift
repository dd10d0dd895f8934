// SPDX-License-Identifier: MIT

import Synchronization

// For tests: the equations of the head comment, and the order of the round robin.

extension PoolSet {
  /// The pools in the order in which the shrinker will come to them.
  package func roundRobin() -> [PoolID] {
    var pools: [PoolID] = []
    list.withLock { list in
      var next = list.first
      while let index = next {
        pools.append(PoolID(index: index))
        next = list.entries[index].next
      }
    }
    return pools
  }

  /// Traps unless stocks, accounts, reservations and what is published agree.
  ///
  /// - Returns: the accounts at that instant.
  /// - Complexity: O(shards × pools + pooled blocks).
  @discardableResult
  package func checkInvariants() -> PageAccounts {
    var sum = PageAccounts()
    var pages = Reservation()
    var blocks = Reservation()
    withAllShards { shard, state in
      check(state)
      for index in 0..<poolCapacity {
        precondition(
          shards[shard].blockCount(index) == state.stocks[index].blockCount,
          "a published count is stale")
      }
      precondition(
        shards[shard].countedPages == state.pages.counted
          && shards[shard].countedBlocks == state.blocks.counted, "a published total is stale")
      sum += state.accounts
      pages += state.pages
      blocks += state.blocks
      guard shard == shards.count - 1 else { return }
      precondition(
        pages.reserved == limits.pages.reserved.load(ordering: .relaxed)
          && blocks.reserved == limits.blocks.reserved.load(ordering: .relaxed),
        "the shards' reservations and their total disagree")
      precondition(
        PageCount(pages.counted) == totalPages && blocks.counted == countedBlocks,
        "the stocks and the total disagree")
    }
    precondition(sum.isBalanced, "P7: taken != in buffers + deferred + freeing + pooled")
    precondition(
      sum.inBuffers >= .zero && sum.deferred >= .zero && sum.freeing >= .zero
        && sum.pooled >= .zero, "negative pages")
    return sum
  }

  private func check(_ state: borrowing PoolShard<Source>.State) {
    precondition(state.accounts.isBalanced, "a shard's accounts do not balance")
    check(state.pages, limits.pages)
    check(state.blocks, limits.blocks)
    var pooled = PageCount.zero
    var pages = 0
    var counted = 0
    for index in 0..<poolCapacity {
      let properties = propertyTable[PoolID(index: index)]
      let blocks = check(state.stocks[index], index)
      let own = blocks * properties.blockSize.rawValue
      pooled += PageCount(own)
      if properties.kind.keeping.contains(.counted) { pages += own }
      if properties.kind.keeping.contains(.countedByBlock) { counted += blocks }
    }
    precondition(pooled == state.accounts.pooled, "the accounts and the stocks disagree")
    precondition(
      pages == state.pages.counted && counted == state.blocks.counted,
      "what counts in a limit was miscounted")
  }

  private func check(_ reservation: Reservation, _ limit: borrowing PoolLimit) {
    let slack = reservation.reserved - reservation.counted
    precondition(slack >= 0 && slack <= limit.slack, "a reservation does not fit")
  }

  /// Walks a stock both ways.
  ///
  /// - Returns: its blocks.
  private func check(_ stock: PoolStock<Source>, _ index: Int) -> Int {
    var blocks = 0
    var previous: Source.Block?
    var next = stock.warmest
    while let block = next {
      precondition(source.pool(of: block).index == index, "a block is in another pool's stock")
      precondition(
        source.size(of: block) == propertyTable[PoolID(index: index)].blockSize,
        "a block is not of its pool's size")
      precondition(source.previous(before: block) == previous, "a stock's links disagree")
      blocks += 1
      previous = block
      next = source.next(after: block)
    }
    precondition(stock.coldest == previous, "a stock's cold end is not its last block")
    precondition(blocks == stock.blockCount, "a stock miscounts its blocks")
    precondition(
      stock.untouched >= 0 && stock.untouched <= blocks, "more are untouched than there are")
    return blocks
  }
}

extension Reservation {
  fileprivate static func += (left: inout Reservation, right: Reservation) {
    left.counted += right.counted
    left.reserved += right.reserved
  }
}
