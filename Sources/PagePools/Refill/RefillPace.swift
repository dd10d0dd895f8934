// SPDX-License-Identifier: MIT

import Synchronization

/// What a turn of the worker came to.
@frozen
public enum WorkerTurn: Equatable, Sendable, BitwiseCopyable {
  /// There may be more to do.
  case worked
  /// There is nothing to do before that time, in nanoseconds of the worker's clock; nil: before somebody
  /// wakes it.
  case mayRest(until: UInt64?)
}

/// When the worker fills pools (P9): one block at a time, and not while memory is short.
///
/// The worker owns the value. After a shrinker has run, and after the source had no block, it pauses: what
/// was just given back is not to be taken again at once. Limits that are reached are no shortage: where one is, the
/// next block that is taken makes room for another. A pool that demand outruns is filled once in a while only, see
/// ``DemandFollower``.
///
/// - Source: the idea of Qualcomm's page pools and of the chunk heap's review; linux has no such worker.
public struct RefillPace: ~Copyable, Sendable {
  /// Nanoseconds for which nothing is filled after a shrinker has run or an attempt has failed.
  public let pause: UInt64

  private var pauseEnd: UInt64 = 0
  private var seenShrinks = 0

  /// The pool that was picked last; pools take turns.
  private var last = 0

  /// Nil when pools are filled as asked only.
  private var demand: DemandFollower?

  /// By pool: between the low mark and the high one on the way up.
  private var isFilling: StableArray<Bool>

  /// A worker's pace.
  ///
  /// - Parameters:
  ///   - pause: nanoseconds; 0 never pauses.
  ///   - poolCapacity: the set's.
  ///   - followsDemand: whether pools whose blocks are given away are filled without being asked to.
  /// - Context: allocates; may block.
  public init(pause: UInt64, poolCapacity: Int, followsDemand: Bool = true) {
    self.pause = pause
    isFilling = StableArray(count: poolCapacity) { _ in false }
    demand = followsDemand ? DemandFollower(poolCapacity: poolCapacity) : nil
  }

  /// Fills at most one block.
  ///
  /// - Parameter now: nanoseconds of a clock that does not go back.
  /// - Context: no lock held; may block.
  @inlinable
  public mutating func turn<Source: PageSource>(
    _ pools: PoolSet<Source>, now: UInt64
  ) -> WorkerTurn {
    switch step(pools, now) {
    case .rest(let end): return .mayRest(until: end)
    case .fill(let pool, let nextLook):
      let isFilled = pools.fill(pool)
      return finish(pool, of: pools, isFilled: isFilled, nextLook: nextLook, now)
    }
  }

  /// What a turn has to do.
  @usableFromInline
  enum Step {
    case rest(until: UInt64?)
    /// The pool is pinned, so that its destruction waits.
    case fill(PoolID, nextLook: UInt64?)
  }

  /// Looks what there is to do.
  @usableFromInline
  mutating func step<Source: PageSource>(_ pools: PoolSet<Source>, _ now: UInt64) -> Step {
    // Cleared before anything is looked at: whoever takes or gives away after that wakes the worker again.
    pools.refill.isKnown.store(false, ordering: .sequentiallyConsistent)
    let nextLook = demand?.follow(pools, now: now) ?? nil
    guard pools.refill.hasMarks || nextLook != nil else { return .rest(until: nil) }
    let shrinks = pools.refill.shrinkCount.load(ordering: .relaxed)
    if shrinks != seenShrinks {
      seenShrinks = shrinks
      pauseEnd = now + pause
    }
    switch pick(pools, now) {
    case .none(nil): return .rest(until: nextLook)
    case .none(let end?): return .rest(until: earlier(end, nextLook))
    case .pool(let pool) where now < pauseEnd:
      pools.list.withLock { $0.unpin(pool) }
      return .rest(until: earlier(pauseEnd, nextLook))
    case .pool(let pool): return .fill(pool, nextLook: nextLook)
    }
  }

  /// Ends a step that was to fill: afterwards the pool may be destroyed.
  @usableFromInline
  mutating func finish<Source: PageSource>(
    _ pool: PoolID, of pools: PoolSet<Source>, isFilled: Bool, nextLook: UInt64?, _ now: UInt64
  ) -> WorkerTurn {
    pools.list.withLock { $0.unpin(pool) }
    if isFilled {
      demand?.noteFilled(pool.index)
      return .worked
    }
    pauseEnd = now + pause
    return .mayRest(until: earlier(pauseEnd, nextLook))
  }

  private func earlier(_ time: UInt64, _ other: UInt64?) -> UInt64 { min(time, other ?? time) }

  /// Which pool is next.
  private enum Pick {
    /// None before that time, nil for ever: those that want blocks are full for now, or demand outruns them.
    case none(until: UInt64?)
    /// It wants blocks, and is pinned so that its destruction waits. Nobody wakes the worker before it has asked
    /// again and none does.
    case pool(PoolID)
  }

  private mutating func pick<Source: PageSource>(
    _ pools: PoolSet<Source>, _ now: UInt64
  ) -> Pick {
    var end: UInt64?
    // Whoever takes a block of a pool that the limits hold down makes room, and wakes the worker; whoever finds
    // nothing does not.
    var canTakersMakeRoom = false
    for _ in 0..<isFilling.count {
      last = last + 1 < isFilling.count ? last + 1 : 0
      let pool = PoolID(index: last)
      let marks = pools.refill.marks(of: pool)
      guard marks.low > 0 else {
        isFilling[last] = false
        continue
      }
      let count = pools.publishedBlocks(of: pool)
      if count < marks.low {
        isFilling[last] = true
      } else if count >= marks.high {
        isFilling[last] = false
      }
      guard isFilling[last] else { continue }
      if let windowEnd = demand?.outrunUntil(last) ?? nil {
        end = earlier(windowEnd, end)
        continue
      }
      guard pools.list.withLock({ $0.pin(pool) }) else { continue }
      guard pools.hasRoom(for: pools.properties(of: pool)) else {
        pools.list.withLock { $0.unpin(pool) }
        end = earlier(now + pause, end)
        canTakersMakeRoom = canTakersMakeRoom || count > 0
        continue
      }
      pools.refill.isKnown.store(true, ordering: .relaxed)
      return .pool(pool)
    }
    if end != nil, !canTakersMakeRoom { pools.refill.isKnown.store(true, ordering: .relaxed) }
    return .none(until: end)
  }
}
