// SPDX-License-Identifier: MIT

import Synchronization

/// How much to have ready of pools whose blocks do not come back (P9): as much as was given away lately.
///
/// A program that gives away what it allocates would find its pools empty each time. So the worker looks
/// at how many blocks of each pool have gone, and has as many ready as went within one ``horizon``: the most of
/// any since memory was last found unneeded. What is not asked for any more is halved each ``halfLife``.
///
/// Blocks may go faster than it pays to make them ahead: whoever takes them makes them as fast, and has them in its
/// cache; and with two threads at it each unmapping must interrupt the other's processor. Where more went than can be
/// ready, *demand outruns* the pool, and no more than that are made within each horizon, or ``fewestMade``, or as many as
/// somebody asked to have ready.
///
/// The worker owns the value; a take only counts.
struct DemandFollower: ~Copyable, Sendable {
  /// What was given away in this time is to be ready (nanoseconds): the worker needs less than that to begin
  /// making more, also where all processors are busy.
  static var horizon: UInt64 { 50_000_000 }

  /// How long unneeded stock stays (nanoseconds) before half of it is not replaced.
  static var halfLife: UInt64 { 10_000_000_000 }

  /// The most blocks that one pool has ready for this reason: so many bytes' worth, or ``fewest``.
  static var mostByteCount: Int { 64 << 20 }

  /// The most blocks, however small: filling takes a tenth of the horizon then, if each is made in 20 µs.
  static var mostBlocks: Int { 256 }

  /// So many blocks are made within a horizon, however large: a camera of 120 frames a second wants 6.
  static var fewestMade: Int { 8 }

  /// One block to be taken while the next is made.
  static var fewest: Int { 2 }

  private var pools: StableArray<PoolDemand>
  private var windowStart: UInt64 = 0
  private var lastLook: UInt64 = 0
  private var halvingStart: UInt64 = 0

  init(poolCapacity: Int) {
    pools = StableArray(count: poolCapacity) { _ in PoolDemand() }
  }

  /// Brings what pools are to have up to date.
  ///
  /// - Parameter now: nanoseconds of a clock that does not go back.
  /// - Returns: when to look again, though nobody asks for memory; nil: no need.
  /// - Complexity: O(poolCapacity) once a block was given away.
  /// - Context: takes the list lock where something changes; does not block.
  mutating func follow<Source: PageSource>(
    _ set: borrowing PoolSet<Source>, now: UInt64
  ) -> UInt64? {
    guard set.refill.hasDemand.load(ordering: .relaxed) else { return nil }
    let window = window(at: now)
    let isHalving = now - halvingStart >= Self.halfLife
    if isHalving { halvingStart = now }
    var hasLevels = false
    for index in 0..<pools.count
    where pools[index].level > 0 || set.refill.gone[index].load(ordering: .relaxed) > 0 {
      let pool = PoolID(index: index)
      let level = pools[index].update(
        gone: set.refill.gone[index].load(ordering: .relaxed), current: set.demand(of: pool),
        window, isHalving: isHalving, most: set.mostReady(of: pool),
        asked: set.watermarks(of: pool).high)
      if let level { set.setDemand(level, of: PoolID(index: index)) }
      hasLevels = hasLevels || pools[index].level > 0
    }
    return hasLevels ? halvingStart + Self.halfLife : nil
  }

  /// Notes that a block was made for a pool.
  mutating func noteFilled(_ index: Int) { pools[index].filled += 1 }

  /// When a pool may be filled that demand outruns, nil when it may be now.
  func outrunUntil(_ index: Int) -> UInt64? {
    let pool = pools[index]
    return pool.isOutrun && pool.filled >= pool.mostMade ? windowStart + Self.horizon : nil
  }

  private mutating func window(at now: UInt64) -> DemandWindow {
    let rest = now - lastLook
    let length = now - windowStart
    lastLook = now
    guard length >= Self.horizon else { return .goesOn }
    windowStart = now
    return rest >= Self.horizon ? .begins : .ends(length: length)
  }
}

/// The time in which blocks are counted that have gone.
enum DemandWindow {
  /// Whoever looks again after a rest was woken for the blocks that went just now: they count as a burst.
  case begins
  case goesOn
  /// After so many nanoseconds.
  case ends(length: UInt64)
}

/// What one pool's blocks that have gone call for.
struct PoolDemand: Sendable {
  /// Of the blocks that have gone, those that are counted already.
  private var seen = 0

  /// Gone since the window began.
  private var inWindow = 0

  /// The most that were wanted since the last halving.
  private var peak = 0

  /// Blocks to have ready.
  private(set) var level = 0

  /// Blocks to be made within one window at most when demand outruns the pool.
  private(set) var mostMade = 0

  /// Whether more went within the window, or the one before.
  private(set) var isOutrun = false

  /// Blocks made for the pool within the window.
  var filled = 0

  /// Counts what has gone, and says how many blocks to have ready if that changes.
  ///
  /// - Parameters:
  ///   - gone: blocks given away so far.
  ///   - current: blocks that the pool has ready now; 0 if it is another pool by now.
  ///   - most: blocks that demand can call for.
  ///   - asked: blocks that somebody asked to have ready.
  mutating func update(
    gone: Int, current: Int, _ window: DemandWindow, isHalving: Bool, most: Int, asked: Int
  ) -> Int? {
    if current != level || gone < seen { self = PoolDemand() }
    if case .begins = window { inWindow = 0 }
    inWindow += gone - seen
    seen = gone
    mostMade = max(most, asked, DemandFollower.fewestMade)
    var wanted = inWindow
    switch window {
    case .goesOn:
      isOutrun = isOutrun || wanted > mostMade
    case .begins:
      isOutrun = wanted > mostMade
      filled = 0
    case .ends(let length):
      // Rounded up: one that went is one that may be wanted again.
      let share = UInt64(inWindow) * DemandFollower.horizon
      wanted = Int((share + length - 1) / length)
      inWindow = 0
      isOutrun = wanted > mostMade
      filled = 0
    }
    wanted = min(wanted, most)
    peak = max(peak, wanted)
    level = max(level, wanted)
    if isHalving {
      level = peak + (level - peak) / 2
      peak = 0
    }
    return level == current ? nil : level
  }
}
