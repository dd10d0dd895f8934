// SPDX-License-Identifier: MIT

/// The base-two logarithm of a block's size in pages: order 0 is one page, 4 is 16 pages, 8 is 256.
@frozen
public struct Order: RawRepresentable, Comparable, Hashable, Sendable, BitwiseCopyable {
  /// The exponent, 0...51.
  public let rawValue: UInt8

  /// The order with exponent `rawValue`.
  ///
  /// - Returns: nil when a block of that order would not fit the address space (above 51).
  @inlinable
  public init?(rawValue: UInt8) {
    guard rawValue <= 51 else { return nil }
    self.rawValue = rawValue
  }

  /// The order with exponent `exponent`, which must be in 0...51.
  @inlinable
  public init(_ exponent: Int) {
    precondition(exponent >= 0 && exponent <= 51, "order not in 0...51")
    self.rawValue = UInt8(exponent)
  }

  /// Pages in one block of this order.
  @inlinable
  public var pages: PageCount { PageCount(1 << Int(rawValue)) }

  /// Whether one order is smaller than the other.
  @inlinable
  public static func < (left: Order, right: Order) -> Bool {
    left.rawValue < right.rawValue
  }
}
