// SPDX-License-Identifier: MIT

/// Where the pages are that were taken from the source (P7).
///
/// `taken == inBuffers + deferred + freeing + pooled`: every page taken from the source is in exactly
/// one of the four. Each change moves pages from one column to another in one critical section, so
/// the equation holds whenever anyone can look.
@frozen
public struct PageAccounts: Equatable, Sendable, BitwiseCopyable {
  /// Pages taken from the source and not released to it.
  public var taken = PageCount.zero

  /// Pages handed out and not given back.
  public var inBuffers = PageCount.zero

  /// Pages that wait to be freed; a shrinker can have them (D4).
  public var deferred = PageCount.zero

  /// Pages that somebody is zeroing or releasing just now: 1 MiB or one block for each who does.
  public var freeing = PageCount.zero

  /// Pages in pools: zeroed and reclaimable.
  public var pooled = PageCount.zero

  /// No pages anywhere.
  @inlinable
  public init() {}

  /// Whether every page is in exactly one place.
  @inlinable
  public var isBalanced: Bool { taken == inBuffers + deferred + freeing + pooled }

  /// Adds another shard's part.
  ///
  /// One shard's columns may be negative, where blocks come home to another shard than the one
  /// they left; the sums over all shards never are.
  @inlinable
  public static func += (left: inout PageAccounts, right: PageAccounts) {
    left.taken += right.taken
    left.inBuffers += right.inBuffers
    left.deferred += right.deferred
    left.freeing += right.freeing
    left.pooled += right.pooled
  }
}

/// Whose hands blocks are in.
@frozen
public enum BlockHolder: Sendable, BitwiseCopyable {
  /// A buffer's.
  case buffer

  /// The deferred-free list's.
  case deferredFree

  /// Those of whoever is freeing them.
  case freeing
}

extension PageAccounts {
  /// Adds to the column of a holder; a negative number takes out of it.
  @inlinable
  mutating func add(_ pages: PageCount, to holder: BlockHolder) {
    switch holder {
    case .buffer: inBuffers += pages
    case .deferredFree: deferred += pages
    case .freeing: freeing += pages
    }
  }
}
