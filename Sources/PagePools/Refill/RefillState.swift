// SPDX-License-Identifier: MIT

public import Synchronization

/// What a set knows of filling pools ahead of demand (P9): the marks, what was given away, and whether the
/// worker knows.
///
/// Takes look at it at every block, so it is atomics that are seldom written. All else of refill is the
/// worker's: see ``RefillPace``.
@usableFromInline
struct RefillState: ~Copyable, Sendable {
  /// What each pool is to have, packed ``Watermarks``: what was asked for, or what demand calls for where that
  /// is more.
  @usableFromInline let marks: StableArray<Atomic<UInt64>>

  /// What was asked for, packed.
  @usableFromInline let asked: StableArray<Atomic<UInt64>>

  /// Blocks that demand calls for, see ``DemandFollower``.
  @usableFromInline let demand: StableArray<Atomic<Int>>

  /// Blocks of each pool that were given away so far.
  @usableFromInline let gone: StableArray<Atomic<Int>>

  /// How many pools have marks, and how many of them a floor.
  @usableFromInline let markedCount = Atomic<Int>(0)
  @usableFromInline let floorCount = Atomic<Int>(0)

  /// Whether a block was ever given away.
  @usableFromInline let hasDemand = Atomic<Bool>(false)

  /// Whether the worker knows that a pool wants blocks.
  @usableFromInline let isKnown = Atomic<Bool>(false)

  /// How often memory was taken from pools because it was short.
  @usableFromInline let shrinkCount = Atomic<Int>(0)

  @inlinable
  init(poolCapacity: Int) {
    marks = StableArray(count: poolCapacity) { _ in Atomic(0) }
    asked = StableArray(count: poolCapacity) { _ in Atomic(0) }
    demand = StableArray(count: poolCapacity) { _ in Atomic(0) }
    gone = StableArray(count: poolCapacity) { _ in Atomic(0) }
  }

  // MARK: Marks

  /// What a pool is to have, for whatever reason.
  @inlinable
  func marks(of pool: PoolID) -> Watermarks {
    Watermarks(packed: marks[pool.index].load(ordering: .relaxed))
  }

  /// What somebody asked for.
  @inlinable
  func askedMarks(of pool: PoolID) -> Watermarks {
    Watermarks(packed: asked[pool.index].load(ordering: .relaxed))
  }

  /// Stores what somebody asked for; called with the list lock held.
  @usableFromInline
  func setMarks(_ new: Watermarks, of pool: PoolID) {
    let old = askedMarks(of: pool)
    asked[pool.index].store(new.packed, ordering: .relaxed)
    floorCount.add((new.isFloor ? 1 : 0) - (old.isFloor ? 1 : 0), ordering: .relaxed)
    combine(pool)
  }

  /// Stores what demand calls for; called with the list lock held.
  func setDemand(_ blocks: Int, of pool: PoolID) {
    demand[pool.index].store(blocks, ordering: .relaxed)
    combine(pool)
  }

  /// Forgets everything about a pool that is being destroyed; called with the list lock held.
  @usableFromInline
  func forget(_ pool: PoolID) {
    demand[pool.index].store(0, ordering: .relaxed)
    gone[pool.index].store(0, ordering: .relaxed)
    setMarks(.none, of: pool)
  }

  @usableFromInline
  func combine(_ pool: PoolID) {
    let asked = askedMarks(of: pool)
    let demand = demand[pool.index].load(ordering: .relaxed)
    let old = marks(of: pool)
    let new = asked.raised(to: demand)
    marks[pool.index].store(new.packed, ordering: .relaxed)
    markedCount.add((new.low > 0 ? 1 : 0) - (old.low > 0 ? 1 : 0), ordering: .relaxed)
  }

  @inlinable
  var hasMarks: Bool { markedCount.load(ordering: .relaxed) > 0 }

  @inlinable
  var hasFloors: Bool { floorCount.load(ordering: .relaxed) > 0 }

  /// Blocks that a shrinker leaves in a pool.
  @inlinable
  func floor(of pool: PoolID) -> Int {
    guard hasFloors else { return 0 }
    let marks = askedMarks(of: pool)
    return marks.isFloor ? marks.low : 0
  }

  // MARK: News

  /// Counts a block that was given away.
  @inlinable
  func noteGone(_ pool: PoolID) {
    gone[pool.index].wrappingAdd(1, ordering: .relaxed)
    if !hasDemand.load(ordering: .relaxed) { hasDemand.store(true, ordering: .relaxed) }
  }

  /// Tells the worker to pause.
  @inlinable
  func noteShrinking() { shrinkCount.add(1, ordering: .relaxed) }

  /// Whether the worker does not know that a pool may want blocks; from now on it does.
  @inlinable
  var isNews: Bool {
    // The worker clears the flag and then counts; who has taken lets it be counted and then looks at the flag.
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    return !isKnown.load(ordering: .relaxed) && !isKnown.exchange(true, ordering: .relaxed)
  }
}
