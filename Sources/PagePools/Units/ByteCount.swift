// SPDX-License-Identifier: MIT

/// A number of bytes, as wide as the ABI's `u64 len`.
@frozen
public struct ByteCount: RawRepresentable, Comparable, Hashable, Sendable, BitwiseCopyable {
  /// Bytes.
  public var rawValue: UInt64

  /// A count of `rawValue` bytes.
  @inlinable
  public init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// A count of `bytes` bytes.
  @inlinable
  public init(_ bytes: UInt64) {
    self.rawValue = bytes
  }

  /// Whether one count is smaller than the other.
  @inlinable
  public static func < (left: ByteCount, right: ByteCount) -> Bool {
    left.rawValue < right.rawValue
  }
}
