// SPDX-License-Identifier: MIT

import TestSupport

/// What a set of pools and its deferred-free list should do, said a second time with arrays.
///
/// A block is whatever handle the source gave. The model knows nothing of links, locks or counters:
/// every figure is counted from where the blocks are.
struct PoolModel {
  /// Something that can be asked of the set.
  enum Operation: Equatable {
    /// Takes a block of the pool on the shard, or gets one from the source where there is none.
    case obtain(pool: Int, shard: Int)
    /// Gives back the block of the pool that was obtained last.
    case give(pool: Int, shard: Int)
    /// Releases the block of the pool that was obtained last.
    case release(pool: Int)
    /// Defers the freeing of the block that was obtained last; where the backlog is full, it is given.
    case deferFree(pool: Int)
    /// Frees what waits longest, as the worker would.
    case freeOldest(shard: Int)
    /// Frees under pressure until that many pages are free.
    case scanDeferred(Int)
    /// Shrinks the pools.
    case scan(Int)
    case setLimit(Int)
  }

  let sizes: [Int]
  let deferredLimit: Int

  /// Shard by shard and pool by pool, the block given last at the end.
  var stocks: [[[TestBlock]]]
  /// Pool by pool, the block obtained last at the end.
  var held: [[TestBlock]]
  /// The pool and the block that waits longest first.
  var waiting: [(pool: Int, block: TestBlock)] = []
  /// Pools in the order of the shrinker's list.
  var order: [Int]
  var limit: Int

  init(sizes: [Int], shardCount: Int, limit: Int, deferredLimit: Int) {
    self.sizes = sizes
    self.deferredLimit = deferredLimit
    self.limit = limit
    stocks = Array(repeating: Array(repeating: [], count: sizes.count), count: shardCount)
    held = Array(repeating: [], count: sizes.count)
    order = Array(sizes.indices)
  }

  /// What an operation returns, and what is released meanwhile.
  struct Effect: Equatable {
    var obtained: TestBlock?
    var freed: Int?
    var released: [TestBlock] = []
  }

  var pooledPages: Int {
    stocks.reduce(0) { sum, shard in
      sum + sizes.indices.reduce(0) { $0 + sizes[$1] * shard[$1].count }
    }
  }

  var heldPages: Int { sizes.indices.reduce(0) { $0 + sizes[$1] * held[$1].count } }

  var waitingPages: Int { waiting.reduce(0) { $0 + sizes[$1.pool] } }

  func blockCount(_ pool: Int) -> Int { stocks.reduce(0) { $0 + $1[pool].count } }

  /// Whether an operation has a block to work on.
  func isPossible(_ operation: Operation) -> Bool {
    switch operation {
    case .give(let pool, _), .release(let pool), .deferFree(let pool): !held[pool].isEmpty
    default: true
    }
  }

  /// Does an operation.
  ///
  /// - Parameter allocated: the block that the source gave, if it was asked and had one.
  mutating func apply(_ operation: Operation, allocated: TestBlock?) -> Effect {
    var effect = Effect()
    switch operation {
    case .obtain(let pool, let shard):
      effect.obtained = take(pool, shard) ?? allocated
      if let block = effect.obtained { held[pool].append(block) }
    case .give(let pool, let shard):
      effect.released = give(held[pool].removeLast(), pool, shard)
    case .release(let pool):
      effect.released = [held[pool].removeLast()]
    case .deferFree(let pool):
      let block = held[pool].removeLast()
      // One that is too large for the backlog is alone on it.
      if waitingPages + sizes[pool] <= deferredLimit || (waiting.isEmpty && deferredLimit > 0) {
        waiting.append((pool, block))
      } else {
        effect.released = give(block, pool, 0)
      }
    case .freeOldest(let shard):
      guard !waiting.isEmpty else { break }
      let (pool, block) = waiting.removeFirst()
      effect.freed = sizes[pool]
      effect.released = give(block, pool, shard)
    case .scanDeferred(let target):
      var freed = 0
      while freed < target, !waiting.isEmpty {
        let (pool, block) = waiting.removeFirst()
        freed += sizes[pool]
        effect.released.append(block)
      }
      effect.freed = freed
    case .scan(let target):
      let before = pooledPages
      effect.released = shrink { freed in freed < max(target, 1) }
      effect.freed = before - pooledPages
    case .setLimit(let limit):
      self.limit = limit
      effect.released = shrinkToLimit()
    }
    return effect
  }

  /// Whether the source would be asked.
  func isMiss(_ operation: Operation) -> Bool {
    if case .obtain(let pool, _) = operation { return blockCount(pool) == 0 }
    return false
  }

  private mutating func take(_ pool: Int, _ home: Int) -> TestBlock? {
    for distance in stocks.indices {
      let shard = (home + distance) % stocks.count
      if let block = stocks[shard][pool].popLast() { return block }
    }
    return nil
  }

  private mutating func give(_ block: TestBlock, _ pool: Int, _ shard: Int) -> [TestBlock] {
    // What cannot stay is not pooled first.
    guard sizes[pool] <= limit else { return [block] }
    stocks[shard][pool].append(block)
    return shrinkToLimit()
  }

  private mutating func shrinkToLimit() -> [TestBlock] {
    let excess = pooledPages - limit
    return shrink { freed in freed < excess }
  }

  /// Pools give one block each in turn, the one given first to the shard that has most of them; a pool that
  /// has none goes to the end all the same.
  private mutating func shrink(while isWanted: (_ freed: Int) -> Bool) -> [TestBlock] {
    var released: [TestBlock] = []
    var freed = 0
    while isWanted(freed), pooledPages > 0 {
      let pool = order.removeFirst()
      order.append(pool)
      let counts = stocks.map { $0[pool].count }
      guard let most = counts.max(), most > 0, let shard = counts.firstIndex(of: most) else {
        continue
      }
      released.append(stocks[shard][pool].removeFirst())
      freed += sizes[pool]
    }
    return released
  }

  /// The state without the blocks' identities: two states that differ only in which block is which
  /// behave alike.
  var key: [UInt8] {
    var key: [UInt8] = [UInt8(limit)]
    for shard in stocks { key += shard.map { UInt8($0.count) } }
    key += held.map { UInt8($0.count) }
    key += order.map { UInt8($0) }
    key += waiting.map { UInt8($0.pool) }
    return key
  }
}
