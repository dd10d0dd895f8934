// SPDX-License-Identifier: MIT

public import Synchronization

// How pools give memory back: to a limit, to a shrinker, to a request that would fail. All go round the
// list, one block of one pool at a time, from the cold end of the pool's fullest stock (P5).

extension PoolSet {
  /// The most pages all pools together may keep, whoever their users are (P4).
  @inlinable
  public var limit: PageCount { PageCount(limits.pages.most.load(ordering: .relaxed)) }

  /// Changes the limit and shrinks down to it.
  ///
  /// - Parameter limit: pages, 0 or more; 0 turns pooling off.
  /// - Context: takes each shard's lock in turn, then shrinks; no lock held; may block.
  @inlinable
  public func setLimit(_ limit: PageCount) {
    precondition(limit >= .zero)
    limits.pages.most.store(limit.rawValue, ordering: .relaxed)
    // A give adds its pages under a shard's lock and reads the limit there. Whoever holds that lock
    // before us is counted below; whoever holds it after us reads the new limit.
    shrinkToLimits()
  }

  /// The most blocks of kinds with `Keeping.countedByBlock` that all pools together may keep (U1).
  @inlinable
  public var blockLimit: Int { limits.blocks.most.load(ordering: .relaxed) }

  /// Changes how many blocks of kinds with `Keeping.countedByBlock` there may be, and shrinks down to it.
  ///
  /// - Parameter blocks: 0 or more; 0 pools none of them. There is no such limit before.
  /// - Context: as ``setLimit(_:)``; does nothing if the limit is the same.
  @inlinable
  public func setBlockLimit(_ blocks: Int) {
    precondition(blocks >= 0)
    guard limits.blocks.most.exchange(blocks, ordering: .relaxed) != blocks else { return }
    shrinkToLimits()
  }

  /// Shrinks while the pools hold more than a limit.
  @inlinable
  func shrinkToLimits() {
    var stride = WorkStride(source.pageSize)
    shrinkToLimits(&stride)
  }

  /// As a part of longer work.
  @inlinable
  func shrinkToLimits(_ stride: inout WorkStride) {
    for shard in 0..<shards.count { shards[shard].trimReservations(limits) }
    // These first: their pages count, too.
    shrink(ignoringFloors: true, of: { $0.kind.keeping.contains(.countedByBlock) }, &stride) { _ in
      countedBlocks > blockLimit
    }
    shrink(ignoringFloors: true, of: { $0.kind.keeping.contains(.counted) }, &stride) { _ in
      totalPages > limit
    }
  }

  /// Pages that the shrinker could have: all that count in the limit, less what pools keep as a floor.
  ///
  /// - Parameter node: only of pools that may have memory of that node.
  /// - Complexity: O(shards) for all nodes without floors, else O(poolCapacity × shards).
  /// - Context: takes no lock, or the list lock; does not block.
  @inlinable
  public func reclaimablePages(of node: MemoryNode = .any) -> PageCount {
    guard node != .any || refill.hasFloors else { return totalPages }
    return pages(ignoringFloors: false) {
      $0.kind.keeping.contains(.counted) && $0.kind.node.matches(node)
    }
  }

  /// Pages that ``reclaim(_:where:)`` could have.
  ///
  /// - Complexity: O(poolCapacity × shards).
  /// - Context: takes the list lock; does not block.
  @inlinable
  public func reclaimablePages(where isWanted: (PoolProperties) -> Bool) -> PageCount {
    pages(ignoringFloors: true, of: isWanted)
  }

  @inlinable
  func pages(
    ignoringFloors: Bool, of isWanted: (PoolProperties) -> Bool
  ) -> PageCount {
    list.withLock { list in
      var pages = PageCount.zero
      for index in 0..<poolCapacity where list.isTaken(index) {
        let pool = PoolID(index: index)
        let properties = propertyTable[pool]
        guard isWanted(properties) else { continue }
        let floor = ignoringFloors ? 0 : refill.floor(of: pool)
        let blocks = max(publishedBlocks(of: pool) - floor, 0)
        pages += PageCount(blocks * properties.blockSize.rawValue)
      }
      return pages
    }
  }

  /// Releases pooled blocks, one pool after the other, until `target` pages are gone or nothing is
  /// left; at least one block if any is there (P5).
  ///
  /// - Parameter node: only from pools that may have memory of that node.
  /// - Returns: pages released, 0 when there was nothing to release.
  /// - Complexity: O(blocks freed × (pools + shards)).
  /// - Context: takes the list lock and shard locks, one at a time; no lock is held while a block is
  ///   released; lets others run every 1 MiB; may block.
  @inlinable
  public func scan(_ target: PageCount, of node: MemoryNode = .any) -> PageCount {
    refill.noteShrinking()
    var stride = WorkStride(source.pageSize)
    return shrink(
      ignoringFloors: false,
      of: { $0.kind.keeping.contains(.counted) && $0.kind.node.matches(node) }, &stride,
      while: { freed in freed < target || freed == .zero })
  }

  /// Releases at least `target` pages from pools of certain properties, or all they have: for a request
  /// that would fail (U4).
  ///
  /// - Returns: pages released.
  /// - Context: as ``scan(_:of:)``.
  @inlinable
  public func reclaim(
    _ target: PageCount, where isWanted: (PoolProperties) -> Bool
  ) -> PageCount {
    refill.noteShrinking()
    var stride = WorkStride(source.pageSize)
    return shrink(ignoringFloors: true, of: isWanted, &stride) { freed in freed < target }
  }

  /// Steps through the pools while `isGoingOn`, which sees the pages freed so far, and any pool yields.
  @inlinable
  @discardableResult
  func shrink(
    ignoringFloors: Bool, of isWanted: (PoolProperties) -> Bool, _ stride: inout WorkStride,
    while isGoingOn: (_ freed: PageCount) -> Bool
  ) -> PageCount {
    var freed = PageCount.zero
    while isGoingOn(freed) {
      let picked = list.withLock { list in
        list.pickNext { pool in
          publishedBlocks(of: pool) > (ignoringFloors ? 0 : refill.floor(of: pool))
            && isWanted(propertyTable[pool])
        }
      }
      guard let pool = picked else { break }
      // The pin keeps `destroy` waiting until the block is back at its source.
      defer { list.withLock { $0.unpin(pool) } }
      // Somebody else may have taken the last block just then; another pool may have some.
      guard releaseColdest(of: pool, fullestShard(of: pool)) else { continue }
      let properties = properties(of: pool)
      source.trace(.shrunk, properties.kind, properties.blockSize)
      freed += properties.blockSize
      stride.advance(by: properties.blockSize, on: source)
    }
    return freed
  }

  /// The shard that has most blocks of a pool.
  @inlinable
  func fullestShard(of pool: PoolID) -> Int {
    var fullest = 0
    var most = 0
    for shard in 0..<shards.count {
      let count = shards[shard].blockCount(pool.index)
      if count > most {
        most = count
        fullest = shard
      }
    }
    return fullest
  }
}
