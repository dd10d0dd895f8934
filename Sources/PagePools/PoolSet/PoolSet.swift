// SPDX-License-Identifier: MIT

public import Synchronization

/// All pools of all users: one limit, one round robin, one set of accounts (P4, P5, P7).
///
/// ```swift
/// let set = PoolSet(source: source, limit: PageCount(65536))
/// guard let pool = set.addPool(blockSize: Order(8).pages, attributes: attributes) else { … }
/// let block = if let pooled = set.take(from: pool) { pooled } else {
///   try set.allocate(for: pool, effort: .full)
/// }
/// …
/// source.zero(block)
/// set.give(block, to: pool, from: .buffer)
/// ```
///
/// A block comes from ``take(from:)`` already zeroed, or from the source through
/// ``allocate(for:effort:)``, zeroed as well; whoever gives one must have zeroed it (P3).
///
/// Lock order: a shard's lock is taken alone, or all shards' in ascending order; the list lock is
/// never held together with another.
///
/// - Source: behaviour of linux 6.1 drivers/gpu/drm/ttm/ttm_pool.c; differs in the shards, in
///   accounts that balance, and in pools being destroyed without stopping the shrinker for others.
public final class PoolSet<Source: PageSource>: Sendable {
  /// Where blocks come from.
  public let source: Source

  /// Each CPU's stock, lock and part of the accounts.
  @usableFromInline let shards: StableArray<Locked<PoolShard<Source>, Source.Lock>>

  /// Pages of the limit that shards have reserved; changed under a shard's lock.
  @usableFromInline let reservedPages = Atomic<Int>(0)

  /// How much more than it holds a shard may keep reserved.
  @usableFromInline let reservationSlack: PageCount

  /// See ``limit``.
  @usableFromInline let limitPages: Atomic<Int>

  /// What each shard holds, for those who look without its lock: see `PublishedCounts`.
  @usableFromInline let published: PublishedCounts

  /// Whether any pool is filled ahead of demand (P9).
  @usableFromInline let hasWatermarks = Atomic<Bool>(false)

  /// The pools' low marks, for those who look without the list lock.
  @usableFromInline let lowMarks: StableArray<Atomic<Int>>

  /// Whether the refill worker knows that a pool wants blocks.
  @usableFromInline let isRefillKnown = Atomic<Bool>(false)

  /// How often a shrinker has run.
  @usableFromInline let shrinkCount = Atomic<Int>(0)

  @usableFromInline let poolCapacity: Int

  @usableFromInline let list: Locked<PoolList<Source>, Source.Lock>

  /// The most shards there can be: the kernel's lockdep tells 8 locks of a kind apart.
  @inlinable
  public static var maximumShardCount: Int { 8 }

  /// Makes a set without pools.
  ///
  /// - Parameters:
  ///   - source: where blocks come from.
  ///   - limit: the most pages all pools together may keep (P4), 0 or more.
  ///   - shardCount: how many threads should be able to work at once, 1...8.
  ///   - poolCapacity: the most pools there can be; each costs 56 bytes per shard.
  ///   - reservationSlack: how many pages of the limit a shard keeps when its blocks are taken, so that the
  ///     gives that follow need no memory that all CPUs write. 0 or more. The limit holds whatever it
  ///     is; near the limit, slack kept elsewhere makes a give look at all shards.
  /// - Context: allocates; may block.
  @inlinable
  public init(
    source: Source, limit: PageCount, shardCount: Int = 1, poolCapacity: Int = 128,
    reservationSlack: PageCount = .zero
  ) {
    precondition(shardCount >= 1 && shardCount <= Self.maximumShardCount)
    precondition(poolCapacity >= 1 && limit >= .zero && reservationSlack >= .zero)
    self.source = source
    shards = StableArray(count: shardCount) { shard in
      Locked(rank: shard, PoolShard(poolCapacity: poolCapacity))
    }
    limitPages = Atomic(limit.rawValue)
    self.reservationSlack = reservationSlack
    published = PublishedCounts(shardCount: shardCount, poolCapacity: poolCapacity)
    lowMarks = StableArray(count: poolCapacity) { _ in Atomic(0) }
    self.poolCapacity = poolCapacity
    list = Locked(PoolList(capacity: poolCapacity))
  }

  /// Adds a pool at the end of the round robin.
  ///
  /// - Parameters:
  ///   - blockSize: pages in each of its blocks, 1 or more.
  ///   - attributes: what its memory is like.
  /// - Returns: nil when `poolCapacity` pools exist. The pool stays until ``destroy(_:)``.
  /// - Complexity: O(poolCapacity).
  /// - Context: takes the list lock; does not block.
  @inlinable
  public func addPool(blockSize: PageCount, attributes: Source.Attributes) -> PagePool<Source>? {
    precondition(blockSize > .zero)
    return list.withLock { $0.add(blockSize: blockSize, attributes: attributes) }
  }

  /// Destroys a pool: takes it off the list, waits for steps of shrinkers and the refill worker that use
  /// it, and releases every block to the source (P6).
  ///
  /// Nobody may give to the pool or take from it any more.
  ///
  /// - Complexity: O(pools + shards + blocks).
  /// - Context: no lock held; may block.
  @inlinable
  public func destroy(_ pool: PagePool<Source>) {
    let isRemoved = list.withLock { list in
      guard list.remove(pool) else { return false }
      publishWatermarks(.none, slot: pool.slot, list)
      return true
    }
    precondition(isRemoved, "a pool is destroyed once, by the set that made it")
    while list.withLock({ $0.isPinned(pool) }) {
      source.relax()
    }
    while let block = withdraw(from: pool) {
      source.release(block)
    }
    list.withLock { $0.freeSlot(of: pool) }
  }

  /// How many threads can work at once without waiting for each other.
  @inlinable
  public var shardCount: Int { shards.count }

  /// The shard the calling thread should use first.
  @inlinable
  var homeShard: Int { source.homeShard(of: shards.count) }
}
