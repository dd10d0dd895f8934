// SPDX-License-Identifier: MIT

// The vocabulary:
//
//   block     2^order or any number of pages that the source gives as a whole
//   pool      all free blocks of one size and one kind; named by a PoolID, described by PoolProperties
//   stock     a pool's blocks on one shard
//   shard     one CPU's stocks with their lock and their part of the accounts
//   holder    whose a block is while it is in no pool: a buffer's, the deferred-free list's, or
//             that of whoever is freeing it
//
// The set, here with three pools on two shards. A give pushes to the stock of the giver's shard, a take
// pops there and goes to the other shards only if that is empty, the shrinker goes round the list and
// takes from the cold end of the pool's fullest stock:
//
//             PoolList (lock)      PoolShard 0 (lock)               PoolShard 1 (lock)
//           ┌──────────────────┐  ┌────────────────────────────┐  ┌────────────────────────────┐
//   front → │ 0: 256 pages     │  │ warm ■─■─■ cold            │  │ warm ■ cold                │
//           │ 1: 16 pages      │  │ (empty)                    │  │ warm ■─■ cold              │
//   end   → │ 2: 1 page        │  │ warm ■─■─■─■─■ cold        │  │ (empty)                    │
//           └──────────────────┘  │ accounts, counted, reserved│  │ accounts, counted, reserved│
//                                 └──────────────┬─────────────┘  └─────────────┬──────────────┘
//                                                └───── PoolLimits (atomics) ────┘
//
// The equations, at every instant that an observer can see:
//
//   taken    = in buffers + deferred + freeing + pooled       (P7; each shard's, and their sum)
//   pooled   = Σ stocks of blocks × block size                (each shard's)
//   counted  = the same over the pools that count in the limit
//   counted <= reserved <= counted + slack                    (each shard's; of pages and of blocks)
//   limit.reserved = Σ shards' reserved;  Σ counted <= limit.reserved

/// All pools of all users: one limit, one round robin, one set of accounts (P4, P5, P7).
///
/// ```swift
/// let set = PoolSet(source: source, limit: PageCount(65536))
/// guard let pool = set.addPool(blockSize: Order(8).pages, kind: kind) else { … }
/// let block = if let pooled = set.take(from: pool) { pooled } else {
///   try set.allocate(for: pool, effort: .full)
/// }
/// …
/// if source.zero(block, set.properties(of: pool)) { set.give(block, from: .buffer) }
/// ```
///
/// A block comes from ``take(from:)`` already zeroed, or from the source through
/// ``allocate(_:for:effort:into:)``, zeroed as well; whoever gives one must have zeroed it (P3).
///
/// Lock order: a shard's lock is taken alone, or all shards' in ascending order; the list lock is
/// never held together with another.
///
/// - Source: behaviour of linux 6.1 drivers/gpu/drm/ttm/ttm_pool.c; differs in the shards, in
///   accounts that balance, and in pools being destroyed without stopping the shrinker for others.
public final class PoolSet<Source: PageSource>: Sendable {
  /// Where blocks come from.
  public let source: Source

  @usableFromInline let shards: StableArray<PoolShard<Source>>
  @usableFromInline let limits: PoolLimits
  @usableFromInline let list: Locked<PoolList, Source.Lock>
  @usableFromInline let propertyTable: PropertyTable
  @usableFromInline let refill: RefillState
  @usableFromInline let decay = DecayState()

  /// The most shards there can be: the kernel's lockdep tells 8 locks of a kind apart.
  @inlinable
  public static var maximumShardCount: Int { 8 }

  /// Makes a set without pools.
  ///
  /// - Parameters:
  ///   - source: where blocks come from.
  ///   - limit: the most pages all pools together may keep (P4), 0 or more; 0 turns pooling off.
  ///   - shardCount: how many threads should be able to work at once, 1...8.
  ///   - poolCapacity: the most pools there can be; each costs 40 bytes per shard.
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
      PoolShard(rank: shard, poolCapacity: poolCapacity)
    }
    limits = PoolLimits(pages: limit, slack: reservationSlack)
    list = Locked(PoolList(capacity: poolCapacity))
    propertyTable = PropertyTable(capacity: poolCapacity)
    refill = RefillState(poolCapacity: poolCapacity)
  }

  /// Adds a pool at the end of the round robin.
  ///
  /// - Parameters:
  ///   - blockSize: pages in each of its blocks, 1 or more.
  ///   - kind: what its memory is like.
  /// - Returns: nil when ``poolCapacity`` pools exist. The pool stays until ``destroy(_:)``.
  /// - Complexity: O(poolCapacity).
  /// - Context: takes the list lock; does not block.
  @inlinable
  public func addPool(blockSize: PageCount, kind: MemoryKind) -> PoolID? {
    precondition(blockSize > .zero)
    return list.withLock { list in
      guard let pool = list.add() else { return nil }
      propertyTable[pool] = PoolProperties(blockSize: blockSize, kind: kind)
      return pool
    }
  }

  /// Destroys a pool: takes it off the list, waits for steps of shrinkers and the refill worker that use
  /// it, and releases every block to the source (P6).
  ///
  /// Nobody may give to the pool or take from it any more.
  ///
  /// - Complexity: O(pools + shards + blocks).
  /// - Context: no lock held; may block.
  @inlinable
  public func destroy(_ pool: PoolID) {
    let isRemoved = list.withLock { list in
      guard list.remove(pool) else { return false }
      refill.forget(pool)
      return true
    }
    precondition(isRemoved, "a pool is destroyed once, by the set that made it")
    while list.withLock({ $0.isPinned(pool) }) {
      source.relax()
    }
    var stride = WorkStride(source.pageSize)
    for shard in 0..<shards.count {
      while releaseColdest(of: pool, shard) { stride.advance(by: size(of: pool), on: source) }
    }
    list.withLock { $0.forget(pool) }
  }

  /// What all blocks of a pool have in common.
  ///
  /// - Parameter pool: of this set, not destroyed.
  /// - Complexity: O(1), a plain load.
  @inlinable
  public func properties(of pool: PoolID) -> PoolProperties { propertyTable[pool] }

  /// Pages in each of a pool's blocks.
  @inlinable
  public func size(of pool: PoolID) -> PageCount { propertyTable[pool].blockSize }

  /// How many pools there can be.
  @inlinable
  public var poolCapacity: Int { propertyTable.capacity }

  /// How many threads can work at once without waiting for each other.
  @inlinable
  public var shardCount: Int { shards.count }

  /// The shard the calling thread should use first.
  @inlinable
  var homeShard: Int { source.homeShard(of: shards.count) }
}

/// The properties of all pools, by index.
///
/// An entry is written under the list lock, before the pool's ID is known to anybody, and read by those
/// who were given the ID, or under that lock.
@usableFromInline
@safe
struct PropertyTable: ~Copyable, @unchecked Sendable {
  @usableFromInline let base: UnsafeMutablePointer<PoolProperties>
  @usableFromInline let capacity: Int

  @inlinable
  init(capacity: Int) {
    unsafe base = .allocate(capacity: capacity)
    let nothing = MemoryKind(MemorySource(rawValue: 0))
    unsafe base.initialize(
      repeating: PoolProperties(blockSize: .zero, kind: nothing), count: capacity)
    self.capacity = capacity
  }

  @inlinable
  deinit {
    unsafe base.deallocate()
  }

  @inlinable
  subscript(pool: PoolID) -> PoolProperties {
    get {
      precondition(pool.index >= 0 && pool.index < capacity, "a pool of another set")
      return unsafe base[pool.index]
    }
    nonmutating set {
      precondition(pool.index >= 0 && pool.index < capacity, "a pool of another set")
      unsafe base[pool.index] = newValue
    }
  }
}
