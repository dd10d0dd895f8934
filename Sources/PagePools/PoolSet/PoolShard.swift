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

    /// Pages in stocks that count in the limit, and what the shard may fill of it without asking.
    @usableFromInline var pages = Reservation()

    /// The same of blocks that count each as one.
    @usableFromInline var blocks = Reservation()

    @inlinable
    init(poolCapacity: Int) {
      stocks = StableArray(count: poolCapacity) { _ in PoolStock() }
    }
  }

  @usableFromInline let state: Locked<State, Source.Lock>

  /// For those who look without the lock: blocks of each pool, then the pages and the blocks that count in the
  /// limits.
  ///
  /// Stored under the lock, by plain stores to lines that no other shard writes. Readers get hints: what
  /// they read may be out of date.
  @usableFromInline let published: ShardedCounts

  @usableFromInline let poolCapacity: Int

  @inlinable
  init(rank: Int, poolCapacity: Int) {
    state = Locked(rank: rank, State(poolCapacity: poolCapacity))
    published = ShardedCounts(shardCount: 1, countsPerShard: poolCapacity + 2)
    self.poolCapacity = poolCapacity
  }

  /// Blocks of a pool, about now.
  @inlinable
  func blockCount(_ index: Int) -> Int { published[0, index].load(ordering: .relaxed) }

  /// Pages that count in the limit, about now.
  @inlinable
  var countedPages: Int { published[0, poolCapacity].load(ordering: .relaxed) }

  /// Blocks that count each as one, about now.
  @inlinable
  var countedBlocks: Int { published[0, poolCapacity + 1].load(ordering: .relaxed) }

  // MARK: Blocks

  /// Takes the block of a pool that was given last, for a buffer.
  @inlinable
  func take(
    _ pool: PoolID, _ properties: PoolProperties, _ source: Source,
    _ limits: borrowing PoolLimits
  ) -> Source.Block? {
    state.withLock { state in
      guard let block = state.stocks[pool.index].popWarmest(in: source) else { return nil }
      state.accounts.inBuffers += properties.blockSize
      leave(&state, pool, properties, 1)
      state.pages.trim(keeping: limits.pages.slack, limits.pages)
      trimBlocks(&state, properties, limits.blocks)
      return block
    }
  }

  /// Takes up to `count` blocks of a pool for a buffer.
  ///
  /// - Returns: how many.
  @inlinable
  func take(
    _ count: Int, _ pool: PoolID, _ properties: PoolProperties, _ source: Source,
    _ limits: borrowing PoolLimits, into chain: inout BlockChain<Source>
  ) -> Int {
    state.withLock { state in
      var taken = 0
      while taken < count, let block = state.stocks[pool.index].popWarmest(in: source) {
        chain.append(block, in: source)
        taken += 1
      }
      state.accounts.inBuffers += PageCount(taken * properties.blockSize.rawValue)
      leave(&state, pool, properties, taken)
      state.pages.trim(keeping: limits.pages.slack, limits.pages)
      trimBlocks(&state, properties, limits.blocks)
      return taken
    }
  }

  /// Takes the coldest block of a pool out of the accounts: it goes back to its source.
  ///
  /// - Parameter ifUntouched: whether only one that has been here since the interval began.
  @inlinable
  func withdraw(
    _ pool: PoolID, _ properties: PoolProperties, _ source: Source,
    _ limits: borrowing PoolLimits, ifUntouched: Bool = false
  ) -> Source.Block? {
    state.withLock { state in
      guard !ifUntouched || state.stocks[pool.index].untouched > 0,
        let block = state.stocks[pool.index].popColdest(in: source)
      else { return nil }
      source.setNext(nil, after: block)
      state.accounts.taken -= properties.blockSize
      leave(&state, pool, properties, 1)
      state.pages.trim(keeping: 0, limits.pages)
      state.blocks.trim(keeping: 0, limits.blocks)
      return block
    }
  }

  /// Puts the blocks at the front of a chain that are of one pool into its stock, at most `count`.
  ///
  /// - Returns: their pages, and whether the pools may now hold more than the limit.
  @inlinable
  func give(
    _ count: Int, of blocks: inout BlockChain<Source>, _ pool: PoolID, _ properties: PoolProperties,
    from holder: BlockHolder, _ source: Source, _ limits: borrowing PoolLimits
  ) -> (pages: PageCount, isOverLimit: Bool) {
    state.withLock { state in
      let before = (pages: blocks.pages, blocks: blocks.blockCount)
      for _ in 0..<count {
        guard let front = blocks.front, source.pool(of: front) == pool,
          let block = blocks.pop(in: source)
        else { break }
        state.stocks[pool.index].push(block, in: source)
      }
      let pages = before.pages - blocks.pages
      state.accounts.add(PageCount.zero - pages, to: holder)
      state.accounts.pooled += pages
      let keeping = properties.kind.keeping
      var isOverLimit = false
      if keeping.contains(.counted) {
        isOverLimit = state.pages.add(pages.rawValue, limits.pages)
      }
      if keeping.contains(.countedByBlock) {
        let isOver = state.blocks.add(before.blocks - blocks.blockCount, limits.blocks)
        isOverLimit = isOverLimit || isOver
        publishBlocks(state)
      }
      publish(state, pool)
      return (pages, isOverLimit)
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
  func trimReservations(_ limits: borrowing PoolLimits) {
    state.withLock { state in
      state.pages.trim(keeping: 0, limits.pages)
      state.blocks.trim(keeping: 0, limits.blocks)
    }
  }

  // MARK: With the lock held

  @inlinable
  func leave(
    _ state: inout State, _ pool: PoolID, _ properties: PoolProperties, _ blocks: Int
  ) {
    let pages = blocks * properties.blockSize.rawValue
    state.accounts.pooled -= PageCount(pages)
    if properties.kind.keeping.contains(.counted) { state.pages.counted -= pages }
    if properties.kind.keeping.contains(.countedByBlock) {
      state.blocks.counted -= blocks
      publishBlocks(state)
    }
    publish(state, pool)
  }

  @inlinable
  func publish(_ state: borrowing State, _ pool: PoolID) {
    published[0, pool.index].store(state.stocks[pool.index].blockCount, ordering: .relaxed)
    published[0, poolCapacity].store(state.pages.counted, ordering: .relaxed)
  }

  @inlinable
  func publishBlocks(_ state: borrowing State) {
    published[0, poolCapacity + 1].store(state.blocks.counted, ordering: .relaxed)
  }

  /// Only where blocks of the kind can have changed it: most takes are of other kinds.
  @inlinable
  func trimBlocks(
    _ state: inout State, _ properties: PoolProperties, _ limit: borrowing PoolLimit
  ) {
    guard properties.kind.keeping.contains(.countedByBlock) else { return }
    state.blocks.trim(keeping: limit.slack, limit)
  }
}
