// SPDX-License-Identifier: MIT

/// A number of pages.
///
/// A page is 4096 bytes here, in the kernel module and in the ABI alike. Counts of pages, bytes and
/// orders are different types so that none is taken for another.
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

  /// Bytes in one page.
  @inlinable
  public static var bytesPerPage: Int { 4096 }

  /// The pages needed to hold `bytes`, rounded up.
  ///
  /// - Returns: nil when the rounding overflows 64 bits or the count does not fit an `Int` of bytes.
  ///   No bytes need no pages.
  @inlinable
  public init?(covering bytes: ByteCount) {
    let (padded, overflow) = bytes.rawValue.addingReportingOverflow(
      UInt64(Self.bytesPerPage - 1))
    let pages = padded / UInt64(Self.bytesPerPage)
    guard !overflow, pages <= UInt64(Int.max / Self.bytesPerPage) else { return nil }
    self.rawValue = Int(pages)
  }

  /// The size of these pages in bytes.
  @inlinable
  public var byteCount: Int { rawValue * Self.bytesPerPage }
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
