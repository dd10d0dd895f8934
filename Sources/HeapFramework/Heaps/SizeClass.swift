// SPDX-License-Identifier: MIT

public import PagePools

/// The block sizes of a contiguous heap: powers of two, each doubling cut in four.
///
/// | class | 0–3 | 4–7 | 8–11 | 12–15 | … |
/// |---|---|---|---|---|---|
/// | pages | 1 2 3 4 | 5 6 7 8 | 10 12 14 16 | 20 24 28 32 | … |
///
/// A block is at most 25 % larger than what was asked for: one step above 8 is 10, above 32 is 40.
/// Finer steps would keep stocks apart that could serve each other; coarser ones waste memory.
@frozen
public struct SizeClass: Equatable, Sendable, BitwiseCopyable {
  /// The class's number, from 0.
  public let index: Int

  /// Classes there are: blocks of up to 2^28 pages (1 TiB).
  @inlinable
  public static var count: Int { 108 }

  /// Classes that buffers of up to `largest` pages come in.
  @inlinable
  public static func count(upTo largest: PageCount) -> Int {
    SizeClass(holding: largest).map { $0.index + 1 } ?? count
  }

  /// The class with number `index`, in 0..<``count``.
  @inlinable
  public init(index: Int) {
    precondition(index >= 0 && index < Self.count, "size class out of range")
    self.index = index
  }

  /// The smallest class whose blocks hold `pages` pages.
  ///
  /// - Parameter pages: 1 or more.
  /// - Returns: nil above 2^28 pages.
  /// - Complexity: O(1).
  @inlinable
  public init?(holding pages: PageCount) {
    precondition(pages > .zero, "a block has at least one page")
    let last = pages.rawValue - 1
    guard last >= 4 else {
      self.init(index: last)
      return
    }
    // The top three bits of `last` are 1xx: its doubling, and the quarter of it that it is in.
    let doubling = Int.bitWidth - 1 - last.leadingZeroBitCount
    let quarter = last >> (doubling - 2) & 3
    let index = 4 * (doubling - 1) + quarter
    guard index < Self.count else { return nil }
    self.init(index: index)
  }

  /// Pages in a block of this class.
  @inlinable
  public var pages: PageCount {
    guard index >= 4 else { return PageCount(index + 1) }
    return PageCount((5 + index % 4) << (index / 4 - 1))
  }
}
