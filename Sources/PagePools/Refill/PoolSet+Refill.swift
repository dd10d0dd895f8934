// SPDX-License-Identifier: MIT

import Synchronization

// Pools that are filled ahead of demand (P9): which of them want it, and one block more for one of them. When
// that happens is for the worker to say, see `RefillPace`.

extension PoolSet {
  /// Sets what a pool is to have in advance.
  ///
  /// The worker must be woken to hear of it.
  ///
  /// - Parameter pool: of this set, not destroyed.
  /// - Throws: ``WatermarksExceedLimit`` when the high marks of all pools together are more than the
  ///   limit; the marks are then as before. A limit that is lowered later stops the filling early.
  /// - Complexity: O(poolCapacity).
  /// - Context: takes the list lock; does not block.
  public func setWatermarks(
    _ new: Watermarks, of pool: PoolID
  ) throws(WatermarksExceedLimit) {
    try list.withLock { (list) throws(WatermarksExceedLimit) in
      precondition(list.contains(pool), "a pool of this set, not destroyed")
      var wanted = 0
      for index in 0..<poolCapacity {
        let other = PoolID(index: index)
        let marks = other == pool ? new : refill.askedMarks(of: other)
        guard marks.low > 0, propertyTable[other].kind.keeping.contains(.counted) else { continue }
        let (pages, overflow) = marks.high.multipliedReportingOverflow(
          by: propertyTable[other].blockSize.rawValue)
        wanted = overflow ? Int.max : wanted.addingClamped(pages)
      }
      guard new.low == 0 || wanted <= limit.rawValue else {
        throw WatermarksExceedLimit(wanted: PageCount(wanted), limit: limit)
      }
      refill.setMarks(new, of: pool)
      // What they kept may go now (U2).
      decay.isKnown.store(true, ordering: .relaxed)
    }
  }

  /// What a pool was asked to have in advance.
  ///
  /// - Context: takes no lock.
  public func watermarks(of pool: PoolID) -> Watermarks { refill.askedMarks(of: pool) }

  /// Blocks that a pool has ready because as many were given away lately.
  ///
  /// - Context: takes no lock.
  public func demand(of pool: PoolID) -> Int { refill.demand[pool.index].load(ordering: .relaxed) }

  /// Stores what demand calls for; of a pool that is being destroyed, nothing.
  func setDemand(_ blocks: Int, of pool: PoolID) {
    list.withLock { list in
      guard list.contains(pool) else { return }
      refill.setDemand(blocks, of: pool)
      // What it kept may go now (U2).
      decay.isKnown.store(true, ordering: .relaxed)
    }
  }

  /// The most blocks that demand can call for: so many bytes' worth, not too many blocks, and half of what the limits
  /// leave to all pools, or one block.
  func mostReady(of pool: PoolID) -> Int {
    // With the lock under which pools come: the index may be another pool's by now.
    let properties = list.withLock { $0.contains(pool) ? self.properties(of: pool) : nil }
    guard let properties else { return 0 }
    let size = properties.blockSize.rawValue
    let keeping = properties.kind.keeping
    let pages = source.pageSize.pages(inBytes: DemandFollower.mostByteCount).rawValue
    var most = min(max(pages / size, DemandFollower.fewest), DemandFollower.mostBlocks)
    if keeping.contains(.counted) { most = min(most, halfUp(limit.rawValue / size)) }
    if keeping.contains(.countedByBlock) { most = min(most, halfUp(blockLimit)) }
    return most
  }

  private func halfUp(_ count: Int) -> Int { count / 2 + count % 2 }

  /// Whether blocks of a pool are given away that the worker does not know to replace: it must be woken.
  ///
  /// - Complexity: O(1).
  /// - Context: takes no lock.
  @inlinable
  public func isDemandNews(of pool: PoolID) -> Bool {
    refill.marks(of: pool).low == 0 && refill.isNews
  }

  /// Looks whether a pool has fallen below its low mark, after blocks were taken from it.
  ///
  /// - Returns: true when the worker must be woken: it does not know yet.
  /// - Complexity: O(1) without watermarks, O(shards) with.
  /// - Context: takes no lock.
  @inlinable
  public func isRefillDue(afterTakingFrom pool: PoolID) -> Bool {
    guard refill.hasMarks else { return false }
    let low = refill.marks(of: pool).low
    guard low > 0, publishedBlocks(of: pool) < low else { return false }
    return refill.isNews
  }

  /// Looks whether the worker must be woken after a shrinker has run: it may not know that there is something
  /// to fill, after its pause.
  ///
  /// - Complexity: O(1).
  /// - Context: takes no lock.
  @inlinable
  public var isRefillDueAfterShrinking: Bool { refill.hasMarks && refill.isNews }

  /// Whether no pool has fewer blocks than its low mark; for tests and measurements.
  ///
  /// - Complexity: O(poolCapacity · shards).
  /// - Context: takes no lock.
  public var isFilled: Bool {
    (0..<poolCapacity).allSatisfy { index in
      let pool = PoolID(index: index)
      let low = refill.marks(of: pool).low
      return low == 0 || publishedBlocks(of: pool) >= low
    }
  }

  /// Whether the limits let one more block into the pools.
  ///
  /// - Complexity: O(shards).
  /// - Context: takes no lock.
  @inlinable
  func hasRoom(for properties: PoolProperties) -> Bool {
    let keeping = properties.kind.keeping
    return (!keeping.contains(.counted) || totalPages + properties.blockSize <= limit)
      && (!keeping.contains(.countedByBlock) || countedBlocks < blockLimit)
  }

  /// Gets a new block for a pool.
  ///
  /// - Returns: false when the source has none that is free.
  /// - Context: no lock held; may block.
  @inlinable
  func fill(_ pool: PoolID) -> Bool {
    guard let block = try? allocate(for: pool, effort: .none) else { return false }
    let properties = properties(of: pool)
    source.trace(.refilled, properties.kind, properties.blockSize)
    var stride = WorkStride(source.pageSize)
    var chain = BlockChain(block, in: source)
    stock(&chain, of: pool, properties, from: .buffer, &stride)
    return true
  }
}

extension Int {
  fileprivate func addingClamped(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? Int.max : sum
  }
}
