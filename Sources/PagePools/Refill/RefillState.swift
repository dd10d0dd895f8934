// SPDX-License-Identifier: MIT

public import Synchronization

/// What a set knows of filling pools ahead of demand (P9): the marks, and whether the worker knows.
///
/// Takes look at it at every block, so it is atomics that are seldom written. All else of refill is the
/// worker's: see ``RefillPace``.
@usableFromInline
struct RefillState: ~Copyable, Sendable {
  /// Each pool's ``Watermarks``, packed.
  @usableFromInline let marks: StableArray<Atomic<UInt64>>

  /// How many pools have marks, and how many of them a floor.
  @usableFromInline let markedCount = Atomic<Int>(0)
  @usableFromInline let floorCount = Atomic<Int>(0)

  /// Whether the worker knows that a pool wants blocks.
  @usableFromInline let isKnown = Atomic<Bool>(false)

  /// How often memory was taken from pools because it was short.
  @usableFromInline let shrinkCount = Atomic<Int>(0)

  @inlinable
  init(poolCapacity: Int) {
    marks = StableArray(count: poolCapacity) { _ in Atomic(0) }
  }

  @inlinable
  func marks(of pool: PoolID) -> Watermarks {
    Watermarks(packed: marks[pool.index].load(ordering: .relaxed))
  }

  /// Stores a pool's marks; called with the list lock held.
  @usableFromInline
  func setMarks(_ new: Watermarks, of pool: PoolID) {
    let old = marks(of: pool)
    marks[pool.index].store(new.packed, ordering: .relaxed)
    markedCount.add((new.low > 0 ? 1 : 0) - (old.low > 0 ? 1 : 0), ordering: .relaxed)
    floorCount.add((new.isFloor ? 1 : 0) - (old.isFloor ? 1 : 0), ordering: .relaxed)
  }

  @inlinable
  var hasMarks: Bool { markedCount.load(ordering: .relaxed) > 0 }

  @inlinable
  var hasFloors: Bool { floorCount.load(ordering: .relaxed) > 0 }

  /// Blocks that a shrinker leaves in a pool.
  @inlinable
  func floor(of pool: PoolID) -> Int {
    guard hasFloors else { return 0 }
    let marks = marks(of: pool)
    return marks.isFloor ? marks.low : 0
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
