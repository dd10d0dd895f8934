// SPDX-License-Identifier: MIT

public import PagePools

/// Pools and deferred freeing together: how every heap of a host gets and returns memory.
///
/// Freed memory takes one of three ways (S2, S4, D5):
/// - nobody can have written it: straight to its pool, nothing to zero;
/// - it is small, or too much is waiting already: the freeing thread zeroes it, which costs less than
///   waking another thread would;
/// - else it waits for the worker.
public final class BufferMemory<Host: HeapHost>: Sendable {
  /// The host that brings blocks and buffer objects.
  public let host: Host

  /// All pools.
  public let pools: PoolSet<Host>

  /// Buffers waiting to be freed.
  public let deferred: DeferredFreeList<Host>

  /// Buffers up to this size are zeroed by the thread that frees them.
  public let inlineFreeLimit: PageCount

  /// How many blocks of the wanted size must wait before a caller helps instead of getting new memory; nil:
  /// callers never help.
  ///
  /// With a few blocks in circulation the worker zeroes one while the program fills another, and takes
  /// find the pool stocked; with one, each take would wait for the zeroing of the block just freed.
  public let helpingThreshold: Int?

  /// Joins `pools` with a new deferred-free list.
  ///
  /// - Parameters:
  ///   - pools: whose source is the host.
  ///   - deferredLimit: the most pages that may wait (D5), 0 or more.
  ///   - inlineFreeLimit: pages; 0 defers buffers of any size.
  ///   - helpingThreshold: blocks, 1 or more. For a host whose threads free in person, nil and a low
  ///     `deferredLimit` are better: whoever frees too fast zeroes, and nobody who allocates does.
  @inlinable
  public init(
    pools: PoolSet<Host>, deferredLimit: PageCount, inlineFreeLimit: PageCount,
    helpingThreshold: Int? = 4
  ) {
    self.helpingThreshold = helpingThreshold
    host = pools.source
    self.pools = pools
    deferred = DeferredFreeList(items: pools.source, limit: deferredLimit)
    self.inlineFreeLimit = inlineFreeLimit
  }
}

// MARK: - Getting memory

extension BufferMemory {
  /// Takes a pooled block or gets a new one.
  ///
  /// When the pool is empty while much waits to be freed, the caller frees some of it in the worker's
  /// place: zeroing what is there costs less than getting new memory, and a program that allocates
  /// faster than the worker zeroes does not grow without bound.
  ///
  /// - Returns: the block, zeroed, and whether it came from the pool.
  /// - Context: no lock held; may block when `effort` is `.full`.
  @inlinable
  public func obtain(
    from pool: PagePool<Host>, effort: AllocationEffort
  ) throws(Host.Failure) -> (block: Host.Block, wasPooled: Bool) {
    defer { if pools.isRefillDue(afterTakingFrom: pool) { host.wakeDeferredFreeWorker() } }
    if let block = pools.take(from: pool) ?? takeAfterHelping(pool) { return (block, true) }
    return (try pools.allocate(for: pool, effort: effort), false)
  }

  /// Frees the longest-waiting buffers until the pool has a block, as much was freed as is wanted, or
  /// little is left for the worker.
  ///
  /// The bound keeps one caller from zeroing everybody's memory.
  @inlinable
  func takeAfterHelping(_ pool: PagePool<Host>) -> Host.Block? {
    if host.collectReturned(), let block = pools.take(from: pool) { return block }
    guard let helpingThreshold else { return nil }
    let enough = PageCount(pool.blockSize.rawValue * helpingThreshold)
    var freed = PageCount.zero
    while freed < pool.blockSize, deferred.waitingPages >= enough,
      let pages = deferred.freeOldest(
        reason: .normal, { freeNow($0, $1, from: .deferredFree) })
    {
      freed += pages
      if let block = pools.take(from: pool) { return block }
    }
    return nil
  }

  /// Makes an attempt, and where giving memory back could help, gives everything back and makes it
  /// once more (D6).
  ///
  /// - Context: no lock held; may block.
  @inlinable
  public func withReclaim<R>(
    _ attempt: () throws(Host.Failure) -> R
  ) throws(Host.Failure) -> R {
    do {
      return try attempt()
    } catch {
      guard error.isRelievedByReclaim else { throw error }
      reclaimAll()
      return try attempt()
    }
  }

  /// Frees all that waits and all that is pooled.
  ///
  /// - Returns: pages given back to the source.
  /// - Context: no lock held; may block.
  @inlinable
  @discardableResult
  public func reclaimAll() -> PageCount {
    reclaim(PageCount(Int.max))
  }

  /// Gives back at least `target` pages where there are so many: deferred buffers first, then pools.
  ///
  /// - Returns: pages given back to the source.
  /// - Context: no lock held; may block.
  @inlinable
  @discardableResult
  public func reclaim(_ target: PageCount) -> PageCount {
    let freed = deferredFreeShrinker.scan(target).pages
    guard freed < target else { return freed }
    return freed + poolShrinker.scan(target - freed).pages
  }
}

// MARK: - Returning memory

extension BufferMemory {
  /// Frees a buffer that its owner is done with.
  ///
  /// - Parameters:
  ///   - buffer: not to be used again by the caller.
  ///   - mayBeWritten: false only when nobody can have written it since it was handed out (S4).
  /// - Context: no lock held; may block.
  @inlinable
  public func free(_ buffer: Host.Buffer, mayBeWritten: Bool) {
    guard mayBeWritten else {
      return poolUnwritten(host.dismantle(buffer))
    }
    let size = host.deferredSize(of: buffer)
    guard size > inlineFreeLimit else {
      return freeNow(buffer, .normal, from: .buffer)
    }
    deferFree(buffer, size)
  }

  /// Frees a buffer from a thread with better things to do, whatever its size: the worker does it,
  /// unless too much is waiting (D5).
  ///
  /// - Context: no lock held; may block when the backlog is full.
  @inlinable
  public func deferFree(_ buffer: Host.Buffer) {
    deferFree(buffer, host.deferredSize(of: buffer))
  }

  @inlinable
  func deferFree(_ buffer: Host.Buffer, _ size: PageCount) {
    // Accounted for first: once it is on the list, the worker may be done with it at any moment.
    pools.deferPages(size)
    switch deferred.append(buffer) {
    case .queued: break
    case .queuedForSleepingWorker: host.wakeDeferredFreeWorker()
    case .refused: freeNow(buffer, .normal, from: .deferredFree)
    }
  }

  /// Puts blocks that are still zero into their pools: a request that failed half-way, or a buffer
  /// that nobody can have written.
  ///
  /// - Complexity: O(blocks).
  /// - Context: no lock held.
  @inlinable
  public func poolUnwritten(_ blocks: consuming BlockChain<Host>) {
    while let block = blocks.pop(in: host) {
      pools.give(block, to: host.pool(of: block), from: .buffer)
    }
  }

  /// The free function of every buffer (S2): normal, zero each block and pool it; under pressure,
  /// release each block to its source.
  @inlinable
  func freeNow(_ buffer: Host.Buffer, _ reason: FreeReason, from holder: BlockHolder) {
    var blocks = host.dismantle(buffer)
    while let block = blocks.pop(in: host) {
      if reason == .normal, host.zero(block) {
        pools.give(block, to: host.pool(of: block), from: holder)
      } else {
        pools.release(block, from: holder)
      }
    }
  }

  /// Sets what a pool is to have in advance (P9), and wakes the worker for it.
  ///
  /// - Context: no lock held; does not block.
  func setWatermarks(_ marks: Watermarks, of pool: PagePool<Host>) {
    pools.setWatermarks(marks, of: pool)
    host.wakeDeferredFreeWorker()
  }

  /// One turn of the worker: frees the buffer that has waited longest (D3), or when none waits, gets a block
  /// for a pool that should have more (P9).
  ///
  /// - Parameters:
  ///   - pace: the worker's own.
  ///   - now: nanoseconds of a clock that does not go back.
  /// - Context: no lock held; may block.
  public func workerTurn(_ pace: inout RefillPace, now: UInt64) -> WorkerTurn {
    if freeOldestDeferred() { return .worked }
    return switch pace.turn(pools, now: now) {
    case .filled: .worked
    case .idle: .mayRest(until: nil)
    case .pausing(let end): .mayRest(until: end)
    }
  }

  /// Frees the buffer that has waited longest (D3).
  ///
  /// - Returns: false when nothing waits.
  /// - Context: no lock held; may block.
  @inlinable
  public func freeOldestDeferred() -> Bool {
    deferred.freeOldest(reason: .normal) { freeNow($0, $1, from: .deferredFree) } != nil
  }
}

/// What a turn of the worker came to.
@frozen
public enum WorkerTurn: Equatable, Sendable, BitwiseCopyable {
  /// There may be more to do.
  case worked
  /// There is nothing to do before that time, in nanoseconds of the worker's clock; nil: before somebody
  /// wakes it.
  case mayRest(until: UInt64?)
}
