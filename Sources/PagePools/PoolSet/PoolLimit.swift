// SPDX-License-Identifier: MIT

public import Synchronization

/// A limit of all pools together, kept without all CPUs writing one counter at each give and take.
///
/// There are two: one of pages (P4), one of blocks that each hold something scarce besides memory (U1). A
/// shard reserves of the limit what it holds. When blocks are taken it keeps some of the reservation for
/// the gives that usually follow. At every moment, for each shard,
/// `counted <= reserved <= counted + slack`, and the shards' reservations add up to `reserved` here: what
/// the pools hold never exceeds what is reserved.
@usableFromInline
struct PoolLimit: ~Copyable, Sendable {
  /// The most pages or blocks.
  @usableFromInline let most: Atomic<Int>

  /// What shards have reserved; changed under a shard's lock.
  @usableFromInline let reserved = Atomic<Int>(0)

  /// How much more than it holds a shard may keep reserved.
  @usableFromInline let slack: Int

  @inlinable
  init(_ most: Int, slack: Int) {
    self.most = Atomic(most)
    self.slack = slack
  }

  /// Reserves more.
  ///
  /// - Returns: whether more is reserved than there may be.
  @inlinable
  func reserve(_ more: Int) -> Bool {
    let reserved =
      more > 0
      ? reserved.add(more, ordering: .relaxed).newValue : reserved.load(ordering: .relaxed)
    return reserved > most.load(ordering: .relaxed)
  }

  /// Gives back what was reserved.
  @inlinable
  func giveBack(_ some: Int) {
    reserved.subtract(some, ordering: .relaxed)
  }
}

/// The limits of all pools.
@usableFromInline
struct PoolLimits: ~Copyable, Sendable {
  /// Of pages in pools that count (`Keeping.counted`).
  @usableFromInline let pages: PoolLimit

  /// Of blocks in pools whose blocks count (`Keeping.countedByBlock`).
  @usableFromInline let blocks: PoolLimit

  @inlinable
  init(pages: PageCount, slack: PageCount) {
    self.pages = PoolLimit(pages.rawValue, slack: slack.rawValue)
    blocks = PoolLimit(.max, slack: slack > .zero ? Self.blockSlack : 0)
  }

  /// Blocks that a shard keeps reserved: enough for those that come and go.
  @usableFromInline static var blockSlack: Int { 4 }
}

/// What a shard holds of a limit, and what it has reserved of it; guarded by the shard's lock.
@usableFromInline
struct Reservation: BitwiseCopyable {
  @usableFromInline var counted = 0
  @usableFromInline var reserved = 0

  @inlinable
  init() {}

  /// Holds more.
  ///
  /// - Returns: whether the pools may now hold more than the limit.
  @inlinable
  mutating func add(_ more: Int, _ limit: borrowing PoolLimit) -> Bool {
    counted += more
    let missing = counted - reserved
    if missing > 0 { reserved += missing }
    return limit.reserve(missing)
  }

  /// Gives back what is reserved beyond what is held, if it is more than the shard may keep.
  @inlinable
  mutating func trim(keeping slack: Int, _ limit: borrowing PoolLimit) {
    let excess = reserved - counted
    guard excess > slack else { return }
    reserved -= excess
    limit.giveBack(excess)
  }
}
