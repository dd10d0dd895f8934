// SPDX-License-Identifier: MIT

import Synchronization

/// When the worker fills pools (P9): one block at a time, and not while memory is short.
///
/// The worker owns the value. After a shrinker has run, and after the source had no block, it pauses: what
/// was just given back is not to be taken again at once.
///
/// - Source: the idea of Qualcomm's page pools and of the chunk heap's review; linux has no such worker.
public struct RefillPace: Sendable {
  /// What a turn has done, and how long the worker may rest.
  @frozen
  public enum Turn: Equatable, Sendable, BitwiseCopyable {
    /// A pool has so many pages more; another may want one, too.
    case filled(PageCount)
    /// No pool wants a block. The worker is woken when one does.
    case idle
    /// A pool wants a block, but not before that time, in nanoseconds of the caller's clock.
    case pausing(until: UInt64)
  }

  /// Nanoseconds for which nothing is filled after a shrinker has run or an attempt has failed.
  public let pause: UInt64

  private var pauseEnd: UInt64 = 0
  private var seenShrinks = 0

  /// A worker's pace.
  ///
  /// - Parameter pause: nanoseconds; 0 never pauses.
  public init(pause: UInt64) {
    self.pause = pause
  }

  /// Fills at most one block.
  ///
  /// - Parameter now: nanoseconds of a clock that does not go back.
  /// - Context: no lock held; may block.
  public mutating func turn<Source: PageSource>(
    _ pools: PoolSet<Source>, now: UInt64
  ) -> Turn {
    guard pools.hasWatermarks.load(ordering: .relaxed) else { return .idle }
    let shrinks = pools.shrinkCount.load(ordering: .relaxed)
    if shrinks != seenShrinks {
      seenShrinks = shrinks
      pauseEnd = now + pause
    }
    guard let pool = pools.pickForRefill() else { return .idle }
    defer { pools.endRefill(of: pool) }
    guard now >= pauseEnd else { return .pausing(until: pauseEnd) }
    if pools.refill(pool) { return .filled(pool.blockSize) }
    pauseEnd = now + pause
    return .pausing(until: pauseEnd)
  }
}
