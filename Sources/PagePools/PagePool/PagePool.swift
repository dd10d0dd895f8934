// SPDX-License-Identifier: MIT

/// The stock of free blocks of one size and one attribute set (P1).
///
/// The value names a pool of one ``PoolSet``, which made it and keeps its blocks; copying it is
/// free. Pools of page orders have a `blockSize` of `1 << order` pages; pools of size classes
/// have any.
@frozen
public struct PagePool<Source: PageSource>: Sendable, BitwiseCopyable, Equatable {
  /// Pages in each block of this pool.
  public let blockSize: PageCount

  /// What the pool's memory is like.
  public let attributes: Source.Attributes

  /// Which of the set's pools this is, from 0; a host may keep it in place of the whole value.
  public let slot: Int

  /// Names a pool again from what a host kept of it.
  ///
  /// The three must be those of a pool that ``PoolSet/addPool(blockSize:attributes:)`` returned.
  @inlinable
  public init(blockSize: PageCount, attributes: Source.Attributes, slot: Int) {
    self.blockSize = blockSize
    self.attributes = attributes
    self.slot = slot
  }
}
