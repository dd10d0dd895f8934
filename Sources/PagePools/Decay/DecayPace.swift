// SPDX-License-Identifier: MIT

import Synchronization

/// When pooled memory that nobody uses goes back to its source (U2): half of it after each interval.
///
/// Of a stock, the blocks at its cold end that were there all the time were not needed: the fewest that it
/// had during the interval. Half of those go, the coldest first, and then the next interval begins. So what
/// a program uses stays, what it used once is soon halved and halved again, and in the end nothing is left
/// but what watermarks ask for.
///
/// The worker owns the value. It sleeps without a deadline when nothing is pooled beyond the marks; whoever
/// gives then wakes it, once.
public struct DecayPace: ~Copyable, Sendable {
  /// Nanoseconds from one look to the next; 0: nothing ever goes.
  public let interval: UInt64

  private enum State {
    /// It is not known what is pooled.
    case asking
    /// Nothing is, by the last look.
    case resting
    /// An interval runs until then.
    case waiting(until: UInt64)
    /// One has ended.
    case releasing
  }

  private var state = State.asking

  /// By pool: blocks that are still to go; while looking, other counts.
  private var quotas: StableArray<Int>

  /// The pool that is next to give blocks.
  private var next = 0

  /// A worker's pace.
  ///
  /// - Parameters:
  ///   - interval: nanoseconds; 0 turns decay off.
  ///   - poolCapacity: the set's.
  /// - Context: allocates; may block.
  public init(interval: UInt64, poolCapacity: Int) {
    self.interval = interval
    quotas = StableArray(count: poolCapacity) { _ in 0 }
  }

  /// Releases up to 1 MiB, or one block, of what was not used, if it is time.
  ///
  /// - Parameter now: nanoseconds of a clock that does not go back.
  /// - Context: no lock held; takes shard locks, one at a time; may block.
  public mutating func turn<Source: PageSource>(
    _ pools: PoolSet<Source>, now: UInt64
  ) -> WorkerTurn {
    guard interval > 0 else { return .mayRest(until: nil) }
    switch state {
    case .resting:
      guard pools.decay.isKnown.load(ordering: .relaxed) else { return .mayRest(until: nil) }
      return begin(pools, now)
    case .waiting(let end):
      guard now >= end else { return .mayRest(until: end) }
      setQuotas(pools)
      state = .releasing
      return .worked
    case .releasing:
      if release(pools) { return .worked }
      return begin(pools, now)
    case .asking:
      return begin(pools, now)
    }
  }

  /// Begins an interval, unless there is nothing that could go at its end.
  private mutating func begin<Source: PageSource>(
    _ pools: PoolSet<Source>, _ now: UInt64
  ) -> WorkerTurn {
    // Somebody told us: then a whole interval passes before we sleep, however often they tell us again.
    let wasTold = if case .resting = state { true } else { false }
    if !wasTold { pools.decay.isKnown.store(false, ordering: .relaxed) }
    for index in 0..<quotas.count { quotas[index] = 0 }
    pools.beginInterval { pool, blocks in quotas[pool.index] += blocks }
    // With the lock under which marks change: of those that change later the flag tells.
    let isAnyLeft = pools.list.withLock { _ in
      for index in 0..<quotas.count
      where pools.surplus(quotas[index], of: PoolID(index: index)) > 0 { return true }
      return wasTold
    }
    guard isAnyLeft else {
      state = .resting
      return .mayRest(until: nil)
    }
    pools.decay.isKnown.store(true, ordering: .relaxed)
    let (end, isBeyondTime) = now.addingReportingOverflow(interval)
    state = .waiting(until: isBeyondTime ? .max : end)
    return .mayRest(until: isBeyondTime ? .max : end)
  }

  /// Finds out how many blocks of each pool are to go.
  private mutating func setQuotas<Source: PageSource>(_ pools: PoolSet<Source>) {
    for index in 0..<quotas.count { quotas[index] = 0 }
    pools.forEachUntouched { pool, blocks in quotas[pool.index] += blocks }
    for index in 0..<quotas.count where quotas[index] > 0 {
      let pool = PoolID(index: index)
      let surplus = pools.surplus(pools.publishedBlocks(of: pool), of: pool)
      quotas[index] = (min(quotas[index], surplus) + 1) / 2
    }
    next = 0
  }

  /// Releases the next blocks.
  ///
  /// - Returns: false when all have gone.
  private mutating func release<Source: PageSource>(_ pools: PoolSet<Source>) -> Bool {
    let enough = pools.source.pageSize.pages(inBytes: WorkStride.byteCount)
    var released = PageCount.zero
    while next < quotas.count {
      let pool = PoolID(index: next)
      guard quotas[next] > 0, pools.releaseUntouched(of: pool) else {
        next += 1
        continue
      }
      quotas[next] -= 1
      released += pools.size(of: pool)
      if released >= enough { return true }
    }
    return released > .zero
  }
}

extension PoolSet {
  /// Looks whether the worker must be woken after blocks were given: it may sleep in the belief that there
  /// are none (U2).
  ///
  /// - Complexity: O(1).
  /// - Context: takes no lock.
  @inlinable
  public var isDecayDue: Bool { decay.isNews }

  /// Begins an interval in all stocks.
  ///
  /// - Parameter body: called with a shard's lock held, for each stock.
  fileprivate func beginInterval(_ body: (PoolID, _ blocks: Int) -> Void) {
    for shard in 0..<shards.count {
      shards[shard].state.withLock { state in
        for index in 0..<poolCapacity {
          state.stocks[index].beginInterval()
          body(PoolID(index: index), state.stocks[index].blockCount)
        }
      }
    }
  }

  /// Visits all stocks with what was untouched since the interval began.
  ///
  /// - Parameter body: called with a shard's lock held.
  fileprivate func forEachUntouched(_ body: (PoolID, _ blocks: Int) -> Void) {
    for shard in 0..<shards.count {
      shards[shard].state.withLock { state in
        for index in 0..<poolCapacity {
          body(PoolID(index: index), state.stocks[index].untouched)
        }
      }
    }
  }

  /// Blocks of a pool that decay may have: not what refill would only make again, and nothing where giving it
  /// back helps nobody.
  fileprivate func surplus(_ blocks: Int, of pool: PoolID) -> Int {
    guard blocks > 0, propertyTable[pool].kind.keeping.contains(.counted) else { return 0 }
    let marks = refill.marks(of: pool)
    return max(blocks - (marks.low > 0 ? marks.high : 0), 0)
  }

  /// Releases the coldest block of a pool that nobody has used since the interval began, unless marks want it.
  fileprivate func releaseUntouched(of pool: PoolID) -> Bool {
    guard list.withLock({ $0.pin(pool) }) else { return false }
    defer { list.withLock { $0.unpin(pool) } }
    let properties = properties(of: pool)
    guard surplus(publishedBlocks(of: pool), of: pool) > 0 else { return false }
    for shard in 0..<shards.count where releaseColdest(of: pool, shard, ifUntouched: true) {
      source.trace(.shrunk, properties.kind, properties.blockSize)
      return true
    }
    return false
  }
}
