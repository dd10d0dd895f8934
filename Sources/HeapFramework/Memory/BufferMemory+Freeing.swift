// SPDX-License-Identifier: MIT

public import PagePools
public import Synchronization

extension BufferMemory {
  /// Frees the blocks of a buffer that its owner is done with.
  ///
  /// - Parameters:
  ///   - blocks: not to be used again by the caller.
  ///   - mayBeWritten: false only when nobody can have written them since they were handed out (S4).
  ///   - thread: who frees them.
  /// - Context: no lock held; lets others run every 1 MiB; may block.
  @inlinable
  func free(_ blocks: consuming BlockChain<Host>, mayBeWritten: Bool, by thread: FreeingThread) {
    guard let front = blocks.front else { return }
    let properties = pools.properties(of: host.pool(of: front))
    guard pools.keeps(properties) else {
      guard mayBeWritten, properties.kind.keeping.contains(.keptZeroed) else {
        return pools.release(blocks, from: .buffer)
      }
      return freeNow(blocks, from: .buffer)
    }
    guard mayBeWritten else { return pool(blocks) }
    let isSmall = blocks.pages <= inlineFreeLimit && thread == .user
    guard properties.kind.keeping.contains(.deferred), !isSmall else {
      return freeNow(blocks, from: .buffer)
    }
    // Accounted for first: once they are on the list, the worker may be done with them at any moment.
    let pages = blocks.pages
    pools.move(pages, from: .buffer, to: .deferredFree)
    switch deferred.append(blocks, isForced: thread == .bystander) {
    case .queued: break
    case .queuedForSleepingWorker: host.wakeWorker()
    case .refused: return freeTaken(blocks, .normal)
    }
    host.trace(.deferred, properties.kind, pages)
  }

  /// Lets go of blocks whose memory the host has given away: they leave the accounts, and the worker makes
  /// others (P9).
  ///
  /// - Complexity: O(blocks).
  /// - Context: no lock held; may block.
  @inlinable
  func handOut(_ blocks: consuming BlockChain<Host>) {
    handedOut.wrappingAdd(blocks.pages.rawValue, ordering: .relaxed)
    while let block = blocks.pop(in: host) {
      let pool = host.pool(of: block)
      pools.handOut(block)
      if pools.isDemandNews(of: pool) { host.wakeWorker() }
    }
  }

  /// Frees blocks that were taken off the deferred-free list, or that it refused.
  @inlinable
  func freeTaken(_ blocks: consuming BlockChain<Host>, _ reason: FreeReason) {
    pools.move(blocks.pages, from: .deferredFree, to: .freeing)
    switch reason {
    case .normal: freeNow(blocks, from: .freeing)
    case .underPressure: pools.release(blocks, from: .freeing)
    }
  }

  /// Zeroes each block and pools it (S2), or gives it back.
  @inlinable
  func freeNow(_ blocks: consuming BlockChain<Host>, from holder: BlockHolder) {
    let enough = host.pageSize.pages(inBytes: WorkStride.byteCount)
    var stride = WorkStride(host.pageSize)
    var zeroed = BlockChain<Host>()
    while let block = blocks.pop(in: host) {
      let properties = pools.properties(of: host.pool(of: block))
      let size = host.size(of: block)
      let isKept = pools.keeps(properties)
      let isZeroed =
        (isKept || properties.kind.keeping.contains(.keptZeroed)) && host.zero(block, properties)
      if isZeroed { host.trace(.zeroed, properties.kind, size) }
      if isKept, isZeroed {
        zeroed.append(block, in: host)
      } else {
        pools.release(block, from: holder)
      }
      stride.advance(by: size, on: host)
      // Pooled as soon as it is worth the lock: somebody may be waiting for it.
      guard zeroed.pages >= enough else { continue }
      pools.give(zeroed, from: holder, &stride)
      zeroed = BlockChain()
    }
    if !zeroed.isEmpty { pools.give(zeroed, from: holder, &stride) }
    if pools.isDecayDue { host.wakeWorker() }
  }

  /// Pools blocks that are zero still.
  @inlinable
  func pool(_ blocks: consuming BlockChain<Host>) {
    pools.give(blocks, from: .buffer)
    if pools.isDecayDue { host.wakeWorker() }
  }

  /// Frees `underPressure` what has waited longest, until `target` pages are free or nothing of the
  /// wanted kinds waits (D4).
  ///
  /// - Returns: pages released to the source.
  /// - Context: no lock held; allocates nothing; lets others run every 1 MiB; may block.
  @discardableResult
  public func freeDeferred(
    _ target: PageCount, where isWanted: (MemoryKind) -> Bool = { _ in true }
  ) -> PageCount {
    var freed = PageCount.zero
    var stride = WorkStride(host.pageSize)
    while freed < target,
      let block = deferred.takeOldest(where: { [pools, host] block in
        isWanted(pools.properties(of: host.pool(of: block)).kind)
      })
    {
      let size = host.size(of: block)
      trace(.shrunk, host.pool(of: block))
      freeTaken(BlockChain(block, in: host), .underPressure)
      freed += size
      stride.advance(by: size, on: host)
    }
    return freed
  }

  /// Frees what has waited longest (D3): up to 1 MiB, or one block.
  ///
  /// - Returns: false when nothing waits.
  /// - Context: no lock held; may block.
  @inlinable
  public func freeOldestDeferred() -> Bool {
    var blocks = BlockChain<Host>()
    let most = host.pageSize.pages(inBytes: WorkStride.byteCount)
    while blocks.pages < most,
      let block = deferred.takeOldest(
        atMost: blocks.isEmpty ? PageCount(Int.max) : most - blocks.pages)
    {
      blocks.append(block, in: host)
    }
    guard !blocks.isEmpty else { return false }
    freeTaken(blocks, .normal)
    return true
  }

  /// One turn of the worker: frees what has waited longest (D3), or when nothing waits, gets a block
  /// for a pool that should have more (P9).
  ///
  /// - Parameters:
  ///   - pace: the worker's own.
  ///   - now: nanoseconds of a clock that does not go back.
  /// - Context: no lock held; may block.
  @inlinable
  public func workerTurn(_ pace: inout RefillPace, now: UInt64) -> WorkerTurn {
    freeOldestDeferred() ? .worked : pace.turn(pools, now: now)
  }

  /// One turn of a worker that also gives back what nobody uses (U2), when there is nothing else to do.
  ///
  /// - Parameters:
  ///   - refill: the worker's own.
  ///   - decay: the worker's own.
  ///   - now: nanoseconds of a clock that does not go back.
  /// - Context: no lock held; may block.
  @inlinable
  public func workerTurn(
    _ refill: inout RefillPace, _ decay: inout DecayPace, now: UInt64
  ) -> WorkerTurn {
    let turn = workerTurn(&refill, now: now)
    guard case .mayRest(let refillEnd) = turn else { return turn }
    let decayTurn = decay.turn(pools, now: now)
    guard case .mayRest(let decayEnd) = decayTurn else { return decayTurn }
    guard let refillEnd, let decayEnd else { return .mayRest(until: refillEnd ?? decayEnd) }
    return .mayRest(until: min(refillEnd, decayEnd))
  }
}

/// Who frees a buffer, and so how much of the work is its own (U3).
@frozen
public enum FreeingThread: Sendable, BitwiseCopyable {
  /// Whoever used it: zeroes it if it is small, or if too much is waiting.
  case user
  /// A thread whose business is to notice what others let go of: leaves zeroing to the worker, whatever
  /// the size, unless too much is waiting.
  case watcher
  /// One that came across a buffer of somebody else's: never zeroes it.
  case bystander
}

// MARK: - Shrinkers

extension BufferMemory {
  /// Releases pooled blocks under pressure (P5), and lets the worker know if it fills pools (P9).
  ///
  /// - Returns: pages released, 0 when there was nothing to release.
  /// - Context: as ``PagePools/PoolSet/scan(_:of:)``.
  public func shrinkPools(_ target: PageCount, of node: MemoryNode = .any) -> PageCount {
    let freed = pools.scan(target, of: node)
    if pools.isRefillDueAfterShrinking { host.wakeWorker() }
    return freed
  }

  /// Gives back all that may go when memory is short elsewhere (U2): what waits, then what is pooled.
  ///
  /// Floors stay, and filling ahead of demand pauses.
  ///
  /// - Returns: pages given back to their sources.
  /// - Context: no lock held; allocates nothing; lets others run every 1 MiB; may block.
  @discardableResult
  public func relievePressure() -> PageCount {
    let waiting = freeDeferred(PageCount(Int.max))
    return waiting + shrinkPools(PageCount(Int.max))
  }
}
