// SPDX-License-Identifier: MIT

/// How many blocks a pool is to have before anybody asks for them (P9).
@frozen
public struct Watermarks: Equatable, Sendable, BitwiseCopyable {
  /// Filling begins when the pool has fewer blocks.
  public let low: Int

  /// Filling ends when the pool has so many.
  public let high: Int

  /// Whether the shrinker leaves `low` blocks in the pool, and does not count them.
  public let isFloor: Bool

  /// The pool has what is given to it, and nothing else.
  @inlinable
  public static var none: Watermarks { Watermarks(packed: 0) }

  /// The highest mark there can be.
  @inlinable
  public static var maximum: Int { Int(Int32.max) }

  /// Marks in blocks.
  ///
  /// - Parameter isFloor: whether memory pressure leaves the low mark's blocks alone. Ask for it only
  ///   where a buffer that comes late is worse than memory that is short elsewhere.
  /// - Returns: nil unless 0 ≤ low ≤ high ≤ ``maximum``; a low mark of 0 turns filling off.
  @inlinable
  public init?(low: Int, high: Int, isFloor: Bool = false) {
    guard low >= 0, low <= high, high <= Self.maximum else { return nil }
    self.low = low
    self.high = high
    self.isFloor = isFloor && low > 0
  }

  /// Marks that also have `demand` blocks, half of which may be gone before filling begins.
  @usableFromInline
  func raised(to demand: Int) -> Watermarks {
    Watermarks(
      low: max(low, (demand + 1) / 2), high: max(high, min(demand, Self.maximum)),
      isFloor: isFloor) ?? self
  }

  /// Both marks and the flag in a word that can be stored at once: low, high, 31 bits each.
  @inlinable
  var packed: UInt64 { UInt64(low) | UInt64(high) << 31 | (isFloor ? 1 << 62 : 0) }

  @inlinable
  init(packed: UInt64) {
    low = Int(packed & 0x7FFF_FFFF)
    high = Int(packed >> 31 & 0x7FFF_FFFF)
    isFloor = packed >> 62 & 1 == 1
  }
}

/// The pools' high marks together ask for more than the pools may keep (EINVAL).
public struct WatermarksExceedLimit: Error, Equatable, Sendable {
  /// Pages that all high marks together come to.
  public let wanted: PageCount

  /// The most pages that all pools may keep.
  public let limit: PageCount
}
