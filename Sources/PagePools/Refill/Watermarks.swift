// SPDX-License-Identifier: MIT

/// How many blocks a pool is to have before anybody asks for them (P9).
@frozen
public struct Watermarks: Equatable, Sendable, BitwiseCopyable {
  /// Filling begins when the pool has fewer blocks.
  public let low: Int

  /// Filling ends when the pool has so many.
  public let high: Int

  /// The pool has what is given to it, and nothing else.
  @inlinable
  public static var none: Watermarks { Watermarks(unchecked: 0) }

  /// Marks in blocks.
  ///
  /// - Returns: nil unless 0 ≤ low ≤ high; a low mark of 0 turns filling off.
  @inlinable
  public init?(low: Int, high: Int) {
    guard low >= 0, low <= high else { return nil }
    self.low = low
    self.high = high
  }

  @inlinable
  init(unchecked mark: Int) {
    low = mark
    high = mark
  }
}
