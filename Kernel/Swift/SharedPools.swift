// SPDX-License-Identifier: MIT

// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions that C calls have the names of `glue.h`.

// The page pool itself, for other modules: their pools share the limit, the shrinker and the table with
// the heaps (P4, P5, P8). See `swift_dma_heaps.h` for what they are promised.

internal import Glue
internal import HeapFramework
internal import PagePools

/// Adds a pool; 0 when the order is too large or there are too many pools.
@c @implementation
func core_pool_create(_ order: UInt32) -> UInt {
  Core.with { core in
    let pages = PageCount(1 << Int(min(order, 51)))
    guard pages <= PageCount(Int(glue_largest_run())) else { return 0 }
    return core.memory.pools.addPool(blockSize: pages, kind: MemoryKind(.other))
      .map { PoolTag($0, pages).word } ?? 0
  }
}

/// Destroys a pool, releasing its blocks (P6); sleeps.
@c @implementation
func core_pool_destroy(_ pool: UInt) {
  Core.with { $0.memory.pools.destroy(PoolTag(word: pool).pool) }
}

/// Takes a zeroed block, nil when there is none; does not sleep.
@c @implementation
func core_pool_take(_ pool: UInt) -> OpaquePointer! {
  unsafe Core.with { unsafe $0.memory.pools.take(from: PoolTag(word: pool).pool)?.page }
}

/// Gets a new block, zeroed, nil for ENOMEM; may sleep.
@c @implementation
func core_pool_allocate(_ pool: UInt) -> OpaquePointer! {
  unsafe Core.with { core in
    unsafe (try? core.memory.allocateNew(for: PoolTag(word: pool).pool))?.page
  }
}

/// Gives a block back, zeroed.
@c @implementation
func core_pool_give(_ pool: UInt, _ block: OpaquePointer!) {
  Core.with { core in
    unsafe core.memory.pools.give(PageBlock(block), from: .buffer)
  }
}

/// Gives a block back to the system.
@c @implementation
func core_pool_release(_ pool: UInt, _ block: OpaquePointer!) {
  Core.with { core in
    unsafe core.memory.pools.release(PageBlock(block), from: .buffer)
  }
}

/// Pages in a pool.
///
/// - Context: takes the shards' locks.
@c @implementation
func core_pool_pages(_ pool: UInt) -> UInt {
  Core.with { core in
    let tag = PoolTag(word: pool)
    return UInt(core.memory.pools.blockCount(of: tag.pool) * tag.size.rawValue)
  }
}

/// Pages in all pools.
///
/// - Context: any; takes no lock.
@c @implementation
func core_pools_total() -> UInt {
  Core.with { UInt($0.memory.pools.totalPages.rawValue) }
}
