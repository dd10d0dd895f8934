// SPDX-License-Identifier: MIT

/// Lets others run at least once for every 1 MiB that a loop has zeroed, released or pooled (U3).
///
/// One value per loop, whatever the sizes of the blocks: 256 blocks of 4 KiB are as much work as one
/// of 1 MiB. A source's own functions do the same inside a block.
public struct WorkStride: Sendable, BitwiseCopyable {
  @usableFromInline var remaining: Int
  @usableFromInline let length: Int

  /// Bytes of work between two points where others may run.
  @inlinable public static var byteCount: Int { 1 << 20 }

  /// A stride of 1 MiB in pages of that size, of which nothing is done.
  @inlinable
  public init(_ pageSize: PageSize) {
    length = Self.byteCount >> Int(pageSize.shift)
    remaining = length
  }

  /// Counts work that was done.
  ///
  /// - Context: no lock held; may block.
  @inlinable
  public mutating func advance(by pages: PageCount, on machine: some Machine) {
    remaining -= pages.rawValue
    guard remaining <= 0 else { return }
    remaining = length
    machine.letOthersRun()
  }
}
