// SPDX-License-Identifier: MIT

// Every way for blocks to change hands. Each moves pages between columns of the accounts in the
// critical section that moves the blocks, so P7 holds for every observer.

extension PoolSet {
  /// Takes the block given last, zeroed (P1, P3).
  ///
  /// - Returns: nil when no shard has one.
  /// - Complexity: O(1) when the caller's shard has a block, O(shards) otherwise; allocates nothing.
  /// - Context: takes shard locks, one at a time; does not block.
  @inlinable
  public func take(from pool: PoolID) -> Source.Block? {
    let properties = properties(of: pool)
    var shard = homeShard
    for _ in 0..<shards.count {
      if let block = shards[shard].take(pool, properties, source, limits) { return block }
      shard = shard + 1 < shards.count ? shard + 1 : 0
    }
    return nil
  }

  /// Takes up to `count` blocks, zeroed, and appends them to a chain (P1, P3).
  ///
  /// - Returns: how many there were.
  /// - Complexity: O(shards + blocks); allocates nothing.
  /// - Context: takes shard locks, one at a time, each for at most ``batchLimit`` blocks; does not block.
  @inlinable
  public func take(
    _ count: Int, from pool: PoolID, into chain: inout BlockChain<Source>
  ) -> Int {
    let properties = properties(of: pool)
    var taken = 0
    var shard = homeShard
    for _ in 0..<shards.count {
      while taken < count, shards[shard].blockCount(pool.index) > 0 {
        let some = shards[shard].take(
          min(count - taken, Self.batchLimit), pool, properties, source, limits, into: &chain)
        guard some > 0 else { break }
        taken += some
      }
      guard taken < count else { break }
      shard = shard + 1 < shards.count ? shard + 1 : 0
    }
    return taken
  }

  /// The most blocks that change hands in one critical section.
  @inlinable
  public static var batchLimit: Int { 32 }

  /// Gets `count` new blocks of the pool's kind from the source, and appends them to a chain; or none.
  ///
  /// - Throws: the source's reason; the accounts and the chain are then unchanged.
  /// - Context: no lock held; may block if `effort` allows it.
  @inlinable
  public func allocate(
    _ count: Int, for pool: PoolID, effort: AllocationEffort,
    into chain: inout BlockChain<Source>
  ) throws(Source.Failure) {
    let properties = properties(of: pool)
    try source.allocate(count, for: pool, properties, effort: effort, into: &chain)
    shards[homeShard].enter(PageCount(count * properties.blockSize.rawValue))
  }

  /// Gets a new block of the pool's kind from the source.
  ///
  /// - Throws: the source's reason; the accounts are then unchanged.
  /// - Context: no lock held; may block if `effort` allows it.
  @inlinable
  public func allocate(
    for pool: PoolID, effort: AllocationEffort
  ) throws(Source.Failure) -> Source.Block {
    var chain = BlockChain<Source>()
    try allocate(1, for: pool, effort: effort, into: &chain)
    guard let block = chain.front else {
      preconditionFailure("a source gives what it was asked for")
    }
    return block
  }

  /// Gets one new block of a size of its own, of memory that is not pooled.
  ///
  /// - Parameters:
  ///   - size: pages, 1 or more.
  ///   - pool: what the host is to answer for the block.
  /// - Throws: the source's reason; the accounts are then unchanged.
  /// - Context: no lock held; may block if `effort` allows it.
  @inlinable
  public func allocate(
    _ size: PageCount, for pool: PoolID, effort: AllocationEffort
  ) throws(Source.Failure) -> Source.Block {
    let kind = properties(of: pool).kind
    precondition(!kind.keeping.contains(.pooled), "blocks of a pool are of one size")
    var chain = BlockChain<Source>()
    try source.allocate(
      1, for: pool, PoolProperties(blockSize: size, kind: kind), effort: effort, into: &chain)
    guard let block = chain.front else {
      preconditionFailure("a source gives what it was asked for")
    }
    shards[homeShard].enter(size)
    return block
  }

  /// Puts a zeroed block into its pool; over the limit, shrinks until under it again (P3, P4).
  ///
  /// A block whose memory is not to be pooled goes to its source.
  ///
  /// - Parameters:
  ///   - block: zeroed.
  ///   - holder: whose account the pages leave.
  /// - Complexity: O(1) below the limit; allocates nothing.
  /// - Context: takes a shard lock; does not block below the limit, may block over it (the source
  ///   releases blocks).
  @inlinable
  public func give(_ block: Source.Block, from holder: BlockHolder) {
    give(BlockChain(block, in: source), from: holder)
  }

  /// Puts zeroed blocks into their pools, as ``give(_:from:)-(Source.Block,_)`` does one.
  ///
  /// - Complexity: O(blocks); allocates nothing.
  /// - Context: takes a shard lock for at most ``batchLimit`` blocks at a time; lets others run every 1 MiB;
  ///   may block.
  @inlinable
  public func give(_ blocks: consuming BlockChain<Source>, from holder: BlockHolder) {
    var stride = WorkStride(source.pageSize)
    give(blocks, from: holder, &stride)
  }

  /// Puts zeroed blocks into their pools, as a part of longer work.
  ///
  /// - Parameter stride: that of the whole work; what is shrunk for these blocks counts in it.
  @inlinable
  public func give(
    _ blocks: consuming BlockChain<Source>, from holder: BlockHolder,
    _ stride: inout WorkStride
  ) {
    while let front = blocks.front {
      let pool = source.pool(of: front)
      let properties = properties(of: pool)
      let pages: PageCount
      if keeps(properties) {
        pages = stock(&blocks, of: pool, properties, from: holder, &stride)
      } else {
        let limit = source.pageSize.pages(inBytes: WorkStride.byteCount)
        guard let (_, batch) = blocks.popBatch(upTo: limit, in: source) else { return }
        releaseBatch(batch, properties, from: holder)
        pages = batch.pages
      }
      if !blocks.isEmpty { stride.advance(by: pages, on: source) }
    }
  }

  /// Puts the zeroed blocks at the front of a chain that are of one pool into its stock, as many as one critical
  /// section may.
  ///
  /// - Returns: their pages.
  @inlinable
  @discardableResult
  func stock(
    _ blocks: inout BlockChain<Source>, of pool: PoolID, _ properties: PoolProperties,
    from holder: BlockHolder, _ stride: inout WorkStride
  ) -> PageCount {
    let given = shards[homeShard].give(
      Self.batchLimit, of: &blocks, pool, properties, from: holder, source, limits)
    if given.isOverLimit { shrinkToLimits(&stride) }
    return given.pages
  }

  /// Whether freed blocks of a pool may be pooled at all: a limit of 0, of pages or blocks, turns pooling off.
  ///
  /// Where they may not, there is no use in zeroing them.
  @inlinable
  public func keeps(_ properties: PoolProperties) -> Bool {
    let keeping = properties.kind.keeping
    guard keeping.contains(.pooled) else { return false }
    if keeping.contains(.countedByBlock), blockLimit < 1 { return false }
    return !keeping.contains(.counted) || properties.blockSize <= limit
  }

  /// Releases blocks to the source instead of giving them to pools.
  ///
  /// - Complexity: O(blocks).
  /// - Context: no lock held; lets others run every 1 MiB; may block.
  @inlinable
  public func release(_ blocks: consuming BlockChain<Source>, from holder: BlockHolder) {
    var stride = WorkStride(source.pageSize)
    let limit = source.pageSize.pages(inBytes: WorkStride.byteCount)
    while let (pool, batch) = blocks.popBatch(upTo: limit, in: source) {
      releaseBatch(batch, properties(of: pool), from: holder)
      stride.advance(by: batch.pages, on: source)
    }
  }

  /// Releases one block to the source.
  @inlinable
  public func release(_ block: Source.Block, from holder: BlockHolder) {
    let properties = properties(of: source.pool(of: block))
    releaseBatch(BlockChain(block, in: source), properties, from: holder)
  }

  /// Lets go of a block whose memory the source has given away: it leaves the accounts, and counts as one
  /// to be replaced (P9).
  ///
  /// - Complexity: O(1).
  /// - Context: no lock held; may block.
  @inlinable
  public func handOut(_ block: Source.Block) {
    refill.noteGone(source.pool(of: block))
    release(block, from: .buffer)
  }

  @inlinable
  func releaseBatch(
    _ batch: BlockChain<Source>, _ properties: PoolProperties, from holder: BlockHolder
  ) {
    source.release(batch, properties)
    shards[homeShard].exit(batch.pages, from: holder)
  }

  /// Accounts for pages that change hands without entering or leaving a pool.
  @inlinable
  public func move(_ pages: PageCount, from holder: BlockHolder, to other: BlockHolder) {
    shards[homeShard].move(pages, from: holder, to: other)
  }

  /// Releases the coldest block of a pool on one shard.
  ///
  /// - Parameter ifUntouched: whether only one that nobody took since the interval began.
  /// - Returns: false when the shard has none.
  @inlinable
  func releaseColdest(of pool: PoolID, _ shard: Int, ifUntouched: Bool = false) -> Bool {
    let properties = properties(of: pool)
    guard
      let block = shards[shard].withdraw(
        pool, properties, source, limits, ifUntouched: ifUntouched)
    else { return false }
    source.release(block, properties)
    return true
  }
}
