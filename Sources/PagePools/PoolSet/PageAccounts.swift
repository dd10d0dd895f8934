// SPDX-License-Identifier: MIT

/// Where the pages are that were taken from the source (P7).
///
/// `taken == inBuffers + deferred + pooled`: every page taken from the source is in exactly one
/// of the three. Each change moves pages from one column to another in one critical section, so
/// the equation holds whenever anyone can look.
@frozen
public struct PageAccounts: Equatable, Sendable, BitwiseCopyable {
  /// Pages taken from the source and not released to it.
  public var taken: PageCount

  /// Pages handed out and not given back.
  public var inBuffers: PageCount

  /// Pages of buffers that were freed and wait for the deferred-free worker, or are in its hands.
  public var deferred: PageCount

  /// Pages in pools: zeroed and reclaimable.
  public var pooled: PageCount

  /// No pages anywhere.
  @inlinable
  public init() {
    taken = .zero
    inBuffers = .zero
    deferred = .zero
    pooled = .zero
  }

  /// Whether every page is in exactly one place.
  @inlinable
  public var isBalanced: Bool { taken == inBuffers + deferred + pooled }

  /// Adds another shard's part.
  ///
  /// One shard's columns may be negative, where blocks come home to another shard than the one
  /// they left; the sums over all shards never are.
  @inlinable
  public static func += (left: inout PageAccounts, right: PageAccounts) {
    left.taken += right.taken
    left.inBuffers += right.inBuffers
    left.deferred += right.deferred
    left.pooled += right.pooled
  }
}

/// Whose hands a block is in when it comes back.
@frozen
public enum BlockHolder: Sendable, BitwiseCopyable {
  /// A buffer's.
  case buffer

  /// The deferred-free worker's, or whoever frees in its place.
  case deferredFree
}

extension PageAccounts {
  /// Takes `pages` out of the column of `holder`.
  @inlinable
  mutating func leave(_ holder: BlockHolder, _ pages: PageCount) {
    switch holder {
    case .buffer: inBuffers -= pages
    case .deferredFree: deferred -= pages
    }
  }
}
