// SPDX-License-Identifier: MIT

// Every way for a block to change hands. Each moves pages between columns of the accounts in the
// critical section that moves the block, so P7 holds for every observer.

extension PoolSet {
  /// Takes the block given last, zeroed (P1, P3).
  ///
  /// - Returns: nil when no shard has one.
  /// - Complexity: O(1) when the caller's shard has a block, O(shards) otherwise; allocates nothing.
  /// - Context: takes shard locks, one at a time; does not block.
  @inlinable
  public func take(from pool: PagePool<Source>) -> Source.Block? {
    var shard = homeShard
    for _ in 0..<shards.count {
      let block = shards[shard].withLock { state -> Source.Block? in
        guard let block = pop(from: pool, &state, shard) else { return nil }
        state.accounts.inBuffers += pool.blockSize
        returnReservation(&state, keeping: reservationSlack)
        return block
      }
      if let block { return block }
      shard = shard + 1 < shards.count ? shard + 1 : 0
    }
    return nil
  }

  /// Gets a new block of the pool's kind from the source.
  ///
  /// - Throws: the source's reason; the accounts are then unchanged.
  /// - Context: no lock held; may block when `effort` is `.full`.
  @inlinable
  public func allocate(
    for pool: PagePool<Source>, effort: AllocationEffort
  ) throws(Source.Failure) -> Source.Block {
    let block = try source.allocate(for: pool, effort: effort)
    shards[homeShard].withLock { state in
      state.accounts.taken += pool.blockSize
      state.accounts.inBuffers += pool.blockSize
    }
    return block
  }

  /// Puts a zeroed block into its pool; over the limit, shrinks until under it again (P3, P4).
  ///
  /// - Parameters:
  ///   - block: zeroed, of the pool's size and attributes.
  ///   - pool: where it goes.
  ///   - holder: whose account the pages leave.
  /// - Complexity: O(1) below the limit; allocates nothing.
  /// - Context: takes a shard lock; does not block below the limit, may block over it (the source
  ///   releases blocks).
  @inlinable
  public func give(_ block: Source.Block, to pool: PagePool<Source>, from holder: BlockHolder) {
    let shard = homeShard
    let isOverLimit = shards[shard].withLock { state in
      state.stocks[pool.slot].push(block, in: source)
      state.accounts.leave(holder, pool.blockSize)
      state.accounts.pooled += pool.blockSize
      publish(pool, state, shard)
      return reserve(&state)
    }
    if isOverLimit { shrinkToLimit() }
  }

  /// Releases a block to the source instead of giving it to a pool.
  ///
  /// - Context: no lock held; may block.
  @inlinable
  public func release(_ block: Source.Block, from holder: BlockHolder) {
    let size = source.pool(of: block).blockSize
    source.release(block)
    shards[homeShard].withLock { state in
      state.accounts.leave(holder, size)
      state.accounts.taken -= size
    }
  }

  /// Accounts for a buffer of `pages` pages that now waits for deferred freeing.
  @inlinable
  public func deferPages(_ pages: PageCount) {
    shards[homeShard].withLock { state in
      state.accounts.inBuffers -= pages
      state.accounts.deferred += pages
    }
  }

  /// Takes a block out of a pool for good: neither in a pool nor in a buffer, so no longer taken.
  ///
  /// - Complexity: O(shards).
  @inlinable
  func withdraw(from pool: PagePool<Source>) -> Source.Block? {
    for shard in 0..<shards.count {
      let block = shards[shard].withLock { state -> Source.Block? in
        guard let block = pop(from: pool, &state, shard) else { return nil }
        state.accounts.taken -= pool.blockSize
        returnReservation(&state, keeping: .zero)
        return block
      }
      if let block { return block }
    }
    return nil
  }

  /// Takes a block out of one shard's stock; the caller holds the shard's lock and says where the pages
  /// go.
  @inlinable
  func pop(
    from pool: PagePool<Source>, _ state: inout PoolShard<Source>, _ shard: Int
  ) -> Source.Block? {
    guard let block = state.stocks[pool.slot].pop(in: source) else { return nil }
    state.accounts.pooled -= pool.blockSize
    publish(pool, state, shard)
    return block
  }

  @inlinable
  func publish(_ pool: PagePool<Source>, _ state: borrowing PoolShard<Source>, _ shard: Int) {
    published.publish(
      shard: shard, slot: pool.slot, blockCount: state.stocks[pool.slot].blockCount,
      pages: state.accounts.pooled)
  }
}
