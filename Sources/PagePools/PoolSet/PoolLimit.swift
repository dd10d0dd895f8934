// SPDX-License-Identifier: MIT

public import Synchronization

/// The one limit of all pools (P4), kept without all CPUs writing one counter at each give and take.
///
/// A shard reserves pages of the limit for the counted blocks that it holds. When blocks are taken it
/// keeps some of the reservation for the gives that usually follow. At every moment, for each shard,
/// `counted <= reserved <= counted + slack`, and the shards' reservations add up to `reserved` here: what
/// the pools hold never exceeds what is reserved.
@usableFromInline
struct PoolLimit: ~Copyable, Sendable {
  /// The most pages.
  @usableFromInline let most: Atomic<Int>

  /// Pages that shards have reserved; changed under a shard's lock.
  @usableFromInline let reserved = Atomic<Int>(0)

  /// How much more than it holds a shard may keep reserved.
  @usableFromInline let slack: PageCount

  @inlinable
  init(_ pages: PageCount, slack: PageCount) {
    most = Atomic(pages.rawValue)
    self.slack = slack
  }

  @inlinable
  var pages: PageCount { PageCount(most.load(ordering: .relaxed)) }

  /// Reserves more.
  ///
  /// - Returns: whether more is reserved than there may be.
  @inlinable
  func reserve(_ pages: PageCount) -> Bool {
    let reserved =
      pages > .zero
      ? reserved.add(pages.rawValue, ordering: .relaxed).newValue
      : reserved.load(ordering: .relaxed)
    return reserved > most.load(ordering: .relaxed)
  }

  /// Gives back what was reserved.
  @inlinable
  func giveBack(_ pages: PageCount) {
    reserved.subtract(pages.rawValue, ordering: .relaxed)
  }
}
