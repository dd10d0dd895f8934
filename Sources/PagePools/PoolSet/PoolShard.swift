// SPDX-License-Identifier: MIT

/// One part of the set's stock: the blocks of all pools that threads of one CPU gave.
///
/// Sharding is what lets independent threads give and take at the same time: each normally uses its
/// own CPU's shard, and goes to the others only when its own has no block of the pool.
@usableFromInline
struct PoolShard<Source: PageSource>: ~Copyable {
  /// One stock per pool, indexed by ``PagePool/slot``.
  @usableFromInline var stocks: StableArray<BlockChain<Source>>

  /// This shard's part of the accounts; its `pooled` is what its own stocks hold.
  @usableFromInline var accounts = PageAccounts()

  /// Pages of the limit that this shard may fill without asking: see ``PoolSet/reserve(_:)``.
  @usableFromInline var reserved = PageCount.zero

  @inlinable
  init(poolCapacity: Int) {
    stocks = StableArray(count: poolCapacity) { _ in BlockChain() }
  }
}
