// SPDX-License-Identifier: MIT

public import Synchronization

/// One part of the set: the blocks that threads of one CPU gave, of all pools, with their accounts.
///
/// Sharding is what lets independent threads give and take at the same time: each normally uses its
/// own CPU's shard, and goes to the others only when its own has no block of the pool. Every function
/// here is one critical section: it moves blocks and the pages in the accounts together (P7).
@usableFromInline
struct PoolShard<Source: PageSource>: ~Copyable, Sendable {
  @usableFromInline
  struct State: ~Copyable {
    /// One stock per pool, by ``PoolID/index``.
    @usableFromInline var stocks: StableArray<PoolStock<Source>>

    /// This shard's part of the accounts; its `pooled` is what its own stocks hold.
    @usableFromInline var accounts = PageAccounts()

    /// Pages in stocks that count in the limit.
    @usableFromInline var counted = PageCount.zero

    /// Pages of the limit that the shard may fill without asking, see ``PoolLimit``.
    @usableFromInline var reserved = PageCount.zero

    @inlinable
    init(poolCapacity: Int) {
      stocks = StableArray(count: poolCapacity) { _ in PoolStock() }
    }
  }

  @usableFromInline let state: Locked<State, Source.Lock>

  /// For those who look without the lock: blocks of each pool, then the pages that count in the limit.
  ///
  /// Stored under the lock, by plain stores to lines that no other shard writes. Readers get hints: what
  /// they read may be out of date.
  @usableFromInline let published: ShardedCounts

  @usableFromInline let poolCapacity: Int

  @inlinable
  init(rank: Int, poolCapacity: Int) {
    state = Locked(rank: rank, State(poolCapacity: poolCapacity))
    published = ShardedCounts(shardCount: 1, countsPerShard: poolCapacity + 1)
    self.poolCapacity = poolCapacity
  }

  /// Blocks of a pool, about now.
  @inlinable
  func blockCount(_ index: Int) -> Int { published[0, index].load(ordering: .relaxed) }

  /// Pages that count in the limit, about now.
  @inlinable
  var countedPages: Int { published[0, poolCapacity].load(ordering: .relaxed) }

  // MARK: Blocks

  /// Takes the block of a pool that was given last, for a buffer.
  @inlinable
  func take(
    _ pool: PoolID, _ properties: PoolProperties, _ source: Source,
    _ limit: borrowing PoolLimit
  ) -> Source.Block? {
    state.withLock { state in
      guard let block = state.stocks[pool.index].popWarmest(in: source) else { return nil }
      state.accounts.inBuffers += properties.blockSize
      leave(&state, pool, properties, properties.blockSize)
      returnReservation(&state, keeping: limit.slack, limit)
      return block
    }
  }

  /// Takes up to `count` blocks of a pool for a buffer.
  ///
  /// - Returns: how many.
  @inlinable
  func take(
    _ count: Int, _ pool: PoolID, _ properties: PoolProperties, _ source: Source,
    _ limit: borrowing PoolLimit, into chain: inout BlockChain<Source>
  ) -> Int {
    state.withLock { state in
      var taken = 0
      while taken < count, let block = state.stocks[pool.index].popWarmest(in: source) {
        chain.append(block, in: source)
        taken += 1
      }
      let pages = PageCount(taken * properties.blockSize.rawValue)
      state.accounts.inBuffers += pages
      leave(&state, pool, properties, pages)
      returnReservation(&state, keeping: limit.slack, limit)
      return taken
    }
  }

  /// Takes the coldest block of a pool out of the accounts: it goes back to its source.
  @inlinable
  func withdraw(
    _ pool: PoolID, _ properties: PoolProperties, _ source: Source,
    _ limit: borrowing PoolLimit
  ) -> Source.Block? {
    state.withLock { state in
      guard let block = state.stocks[pool.index].popColdest(in: source) else { return nil }
      source.setNext(nil, after: block)
      state.accounts.taken -= properties.blockSize
      leave(&state, pool, properties, properties.blockSize)
      returnReservation(&state, keeping: .zero, limit)
      return block
    }
  }

  /// Puts the blocks at the front of a chain that are of one pool into its stock, at most `count`.
  ///
  /// - Returns: their pages, and whether the pools may now hold more than the limit.
  @inlinable
  func give(
    _ count: Int, of blocks: inout BlockChain<Source>, _ pool: PoolID, _ properties: PoolProperties,
    from holder: BlockHolder, _ source: Source, _ limit: borrowing PoolLimit
  ) -> (pages: PageCount, isOverLimit: Bool) {
    state.withLock { state in
      let before = blocks.pages
      for _ in 0..<count {
        guard let front = blocks.front, source.pool(of: front) == pool,
          let block = blocks.pop(in: source)
        else { break }
        state.stocks[pool.index].push(block, in: source)
      }
      let pages = before - blocks.pages
      state.accounts.add(PageCount.zero - pages, to: holder)
      state.accounts.pooled += pages
      guard properties.kind.keeping.contains(.counted) else {
        publish(state, pool)
        return (pages, false)
      }
      state.counted += pages
      publish(state, pool)
      let missing = state.counted - state.reserved
      if missing > .zero { state.reserved += missing }
      return (pages, limit.reserve(missing))
    }
  }

  // MARK: Accounts

  /// Accounts for pages that were just got from the source, for a buffer.
  @inlinable
  func enter(_ pages: PageCount) {
    state.withLock { state in
      state.accounts.taken += pages
      state.accounts.inBuffers += pages
    }
  }

  /// Accounts for pages that were just released to the source.
  @inlinable
  func exit(_ pages: PageCount, from holder: BlockHolder) {
    state.withLock { state in
      state.accounts.add(PageCount.zero - pages, to: holder)
      state.accounts.taken -= pages
    }
  }

  /// Accounts for pages that change hands without entering or leaving a pool.
  @inlinable
  func move(_ pages: PageCount, from holder: BlockHolder, to other: BlockHolder) {
    state.withLock { state in
      state.accounts.add(PageCount.zero - pages, to: holder)
      state.accounts.add(pages, to: other)
    }
  }

  /// Returns all that is reserved beyond what is held.
  @inlinable
  func trimReservation(_ limit: borrowing PoolLimit) {
    state.withLock { returnReservation(&$0, keeping: .zero, limit) }
  }

  // MARK: With the lock held

  @inlinable
  func leave(
    _ state: inout State, _ pool: PoolID, _ properties: PoolProperties, _ pages: PageCount
  ) {
    state.accounts.pooled -= pages
    if properties.kind.keeping.contains(.counted) { state.counted -= pages }
    publish(state, pool)
  }

  @inlinable
  func publish(_ state: borrowing State, _ pool: PoolID) {
    published[0, pool.index].store(state.stocks[pool.index].blockCount, ordering: .relaxed)
    published[0, poolCapacity].store(state.counted.rawValue, ordering: .relaxed)
  }

  @inlinable
  func returnReservation(
    _ state: inout State, keeping slack: PageCount, _ limit: borrowing PoolLimit
  ) {
    let excess = state.reserved - state.counted
    guard excess > slack else { return }
    state.reserved -= excess
    limit.giveBack(excess)
  }
}
