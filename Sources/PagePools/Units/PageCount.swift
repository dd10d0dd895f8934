// SPDX-License-Identifier: MIT

/// A number of pages.
///
/// How many bytes a page has is the host's to say, see ``PageSize``. Counts of pages, bytes and orders
/// are different types so that none is taken for another.
@frozen
public struct PageCount: RawRepresentable, Comparable, Hashable, Sendable, BitwiseCopyable {
  /// Pages; what a caller asks for is never negative, differences may be.
  public var rawValue: Int

  /// A count of `rawValue` pages.
  @inlinable
  public init(rawValue: Int) {
    self.rawValue = rawValue
  }

  /// A count of `pages` pages.
  @inlinable
  public init(_ pages: Int) {
    self.rawValue = pages
  }

  /// No pages.
  @inlinable
  public static var zero: PageCount { PageCount(0) }
}

extension PageCount {
  /// Whether one count is smaller than the other.
  @inlinable
  public static func < (left: PageCount, right: PageCount) -> Bool {
    left.rawValue < right.rawValue
  }

  /// The sum; traps on overflow, which no sum of existing pages reaches.
  @inlinable
  public static func + (left: PageCount, right: PageCount) -> PageCount {
    PageCount(left.rawValue + right.rawValue)
  }

  /// The difference, possibly negative.
  @inlinable
  public static func - (left: PageCount, right: PageCount) -> PageCount {
    PageCount(left.rawValue - right.rawValue)
  }

  /// Adds to a count in place.
  @inlinable
  public static func += (left: inout PageCount, right: PageCount) {
    left.rawValue += right.rawValue
  }

  /// Subtracts from a count in place.
  @inlinable
  public static func -= (left: inout PageCount, right: PageCount) {
    left.rawValue -= right.rawValue
  }
}
