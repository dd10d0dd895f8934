// SPDX-License-Identifier: MIT

public import PagePools

extension BufferMemory {
  /// Takes a pooled block or gets a new one.
  ///
  /// When the pool is empty while much waits to be freed, the caller frees some of it in the worker's
  /// place: zeroing what is there costs less than getting new memory, and a program that allocates
  /// faster than the worker zeroes does not grow without bound.
  ///
  /// - Parameters:
  ///   - size: index of the block size in `pools`.
  ///   - pools: the heap's; those of the caller's node are tried first.
  /// - Returns: the block, zeroed, and whether it came from a pool.
  /// - Context: no lock held; may block.
  @inlinable
  public func obtain(
    _ size: Int, of heap: borrowing HeapPools<Host>, effort: AllocationEffort
  ) throws(Host.Failure) -> (block: Host.Block, wasPooled: Bool) {
    let home = heap[size, heap.homeNode(host)]
    if let block = take(size, of: heap) {
      if pools.isRefillDue(afterTakingFrom: home) { host.wakeWorker() }
      trace(.hit, home)
      return (block, true)
    }
    return try obtainMissing(size, of: heap, effort: effort)
  }

  /// Gets a block of which no pool had one just now.
  ///
  /// - Returns: as ``obtain(_:of:effort:)``.
  /// - Context: no lock held; may block.
  @inlinable
  public func obtainMissing(
    _ size: Int, of heap: borrowing HeapPools<Host>, effort: AllocationEffort
  ) throws(Host.Failure) -> (block: Host.Block, wasPooled: Bool) {
    let home = heap[size, heap.homeNode(host)]
    defer { if pools.isRefillDue(afterTakingFrom: home) { host.wakeWorker() } }
    if let block = takeAfterHelping(size, of: heap) {
      trace(.hit, home)
      return (block, true)
    }
    let block = try allocateNew(size, of: heap, effort: effort)
    trace(.miss, home)
    return (block, false)
  }

  /// Gets a new block for a user of a pool that belongs to no heap.
  ///
  /// - Returns: the block, zeroed.
  /// - Throws: the host's reason, after as much was given back as could help.
  /// - Context: no lock held; may block.
  public func allocateNew(for pool: PoolID) throws(Host.Failure) -> Host.Block {
    let properties = pools.properties(of: pool)
    return try withReclaim(properties.blockSize, properties.kind) { () throws(Host.Failure) in
      try pools.allocate(for: pool, effort: .full)
    }
  }

  @inlinable
  func trace(_ event: PoolEvent, _ pool: PoolID) {
    let properties = pools.properties(of: pool)
    host.trace(event, properties.kind, properties.blockSize)
  }

  /// Takes a pooled block, of the nearest node that has one.
  @inlinable
  func take(_ size: Int, of heap: borrowing HeapPools<Host>) -> Host.Block? {
    var node = heap.homeNode(host)
    for _ in 0..<heap.nodeCount {
      if let block = pools.take(from: heap[size, node]) { return block }
      node = node + 1 < heap.nodeCount ? node + 1 : 0
    }
    return nil
  }

  /// Gets a new block: of the caller's node, or if that has none of another.
  @inlinable
  func allocateNew(
    _ size: Int, of heap: borrowing HeapPools<Host>, effort: AllocationEffort
  ) throws(Host.Failure) -> Host.Block {
    let home = heap.homeNode(host)
    guard heap.nodeCount > 1 else {
      return try pools.allocate(for: heap[size, home], effort: effort)
    }
    let last = (home + heap.nodeCount - 1) % heap.nodeCount
    do throws(Host.Failure) {
      // What is free elsewhere is better than what must be reclaimed here.
      return try allocateNew(size, of: heap, from: home, to: last, effort: .none)
    } catch {
      guard effort > .none else { throw error }
      return try allocateNew(size, of: heap, from: home, to: last, effort: effort)
    }
  }

  /// Gets a new block of the first node that has one, from the home node round to the last.
  @inlinable
  func allocateNew(
    _ size: Int, of heap: borrowing HeapPools<Host>, from home: Int, to last: Int,
    effort: AllocationEffort
  ) throws(Host.Failure) -> Host.Block {
    var node = home
    while node != last {
      if let block = try? pools.allocate(for: heap[size, node], effort: effort) { return block }
      node = node + 1 < heap.nodeCount ? node + 1 : 0
    }
    return try pools.allocate(for: heap[size, last], effort: effort)
  }

  /// Frees the longest-waiting blocks until the pool has one, as much was freed as is wanted, or
  /// little is left for the worker.
  ///
  /// The bound keeps one caller from zeroing everybody's memory (U3).
  @inlinable
  func takeAfterHelping(_ size: Int, of heap: borrowing HeapPools<Host>) -> Host.Block? {
    let wanted = pools.size(of: heap[size, 0])
    if host.collectReturned(atMost: wanted), let block = take(size, of: heap) { return block }
    guard let helpingThreshold else { return nil }
    let enough = PageCount(wanted.rawValue * helpingThreshold)
    var freed = PageCount.zero
    var stride = WorkStride(host.pageSize)
    while freed < wanted, deferred.waitingPages >= enough,
      let waiting = deferred.takeOldest(atMost: wanted - freed)
    {
      let pages = host.size(of: waiting)
      freeTaken(BlockChain(waiting, in: host), .normal)
      freed += pages
      stride.advance(by: pages, on: host)
      if let block = take(size, of: heap) { return block }
    }
    return nil
  }

  /// Makes an attempt, and where giving memory back could help, gives back as much as is missing and
  /// makes it again (D6, U4).
  ///
  /// - Parameters:
  ///   - asked: pages that the request still needs.
  ///   - kind: of the memory that it wants.
  /// - Context: no lock held; may block.
  @inlinable
  public func withReclaim<R: ~Copyable>(
    _ asked: PageCount, _ kind: MemoryKind, _ attempt: () throws(Host.Failure) -> R
  ) throws(Host.Failure) -> R {
    // The second round is for what the first could not tell: one descriptor is back, but two are needed.
    for _ in 0..<2 {
      do throws(Host.Failure) {
        return try attempt()
      } catch {
        guard reclaim(after: error, asked, kind) else { throw error }
      }
    }
    return try attempt()
  }

  /// Gives back what a failed request needs.
  ///
  /// - Returns: false when that is of no use; then nothing was given back, or there was nothing.
  @usableFromInline
  func reclaim(after failure: Host.Failure, _ asked: PageCount, _ kind: MemoryKind) -> Bool {
    let canRelieve = { (other: MemoryKind) in
      self.host.canRelieve(failure, kind, with: other)
    }
    switch failure.relief(for: asked) {
    case .none: return false
    case .about(let pages): return reclaim(pages, where: canRelieve) > .zero
    case .atLeast(let pages):
      let pooled = pools.reclaimablePages { canRelieve($0.kind) }
      guard pages <= pooled + deferred.waitingPages else { return false }
      return reclaim(pages, where: canRelieve) > .zero
    }
  }

  /// Gives back at least `target` pages of certain kinds where there are so many: what waits first, then
  /// what is pooled.
  ///
  /// - Returns: pages given back to the source.
  /// - Context: no lock held; lets others run every 1 MiB; may block.
  @discardableResult
  public func reclaim(
    _ target: PageCount, where isWanted: (MemoryKind) -> Bool = { _ in true }
  ) -> PageCount {
    let freed = freeDeferred(target, where: isWanted)
    guard freed < target else { return freed }
    let pooled = pools.reclaim(target - freed) { isWanted($0.kind) }
    if pools.isRefillDueAfterShrinking { host.wakeWorker() }
    return freed + pooled
  }

  /// Frees all that waits and all that is pooled.
  ///
  /// - Returns: pages given back to the source.
  /// - Context: as ``reclaim(_:where:)``.
  @discardableResult
  public func reclaimAll() -> PageCount {
    reclaim(PageCount(Int.max))
  }
}
