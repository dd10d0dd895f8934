// SPDX-License-Identifier: MIT

public import Synchronization

// How the limit holds without all CPUs writing one counter at each give and take (P4).
//
// A shard reserves pages of the limit for what it holds. When blocks are taken it keeps some of the
// reservation for the gives that usually follow. At every moment, for each shard,
// `pooled <= reserved <= pooled + reservationSlack`, and the shards' `reserved` add up to
// `reservedPages`: what the pools hold never exceeds what is reserved.

extension PoolSet {
  /// The most pages all pools together may keep, whoever their users are (P4).
  @inlinable
  public var limit: PageCount { PageCount(limitPages.load(ordering: .relaxed)) }

  /// Changes the limit and shrinks down to it.
  ///
  /// - Parameter limit: pages, 0 or more; 0 turns pooling off.
  /// - Context: takes each shard's lock in turn, then shrinks; no lock held; may block.
  @inlinable
  public func setLimit(_ limit: PageCount) {
    precondition(limit >= .zero)
    limitPages.store(limit.rawValue, ordering: .relaxed)
    // A give adds its pages under a shard's lock and reads the limit there. Whoever holds that lock
    // before us is counted below; whoever holds it after us reads the new limit.
    shrinkToLimit()
  }

  /// Shrinks while the pools hold more than the limit.
  @inlinable
  func shrinkToLimit() {
    for shard in 0..<shards.count {
      shards[shard].withLock { returnReservation(&$0, keeping: .zero) }
    }
    shrink { _ in totalPages > limit }
  }

  /// Makes a shard's reservation cover what it holds; called with its lock held.
  ///
  /// - Returns: whether more is reserved than the limit allows.
  @inlinable
  func reserve(_ state: inout PoolShard<Source>) -> Bool {
    let missing = state.accounts.pooled - state.reserved
    guard missing > .zero else { return reservedPages.load(ordering: .relaxed) > limit.rawValue }
    state.reserved += missing
    return reservedPages.add(missing.rawValue, ordering: .relaxed).newValue > limit.rawValue
  }

  /// Returns what a shard has reserved beyond what it holds, if that is more than `slack`; called with its
  /// lock held.
  @inlinable
  func returnReservation(_ state: inout PoolShard<Source>, keeping slack: PageCount) {
    let excess = state.reserved - state.accounts.pooled
    guard excess > slack else { return }
    state.reserved -= excess
    reservedPages.subtract(excess.rawValue, ordering: .relaxed)
  }
}
