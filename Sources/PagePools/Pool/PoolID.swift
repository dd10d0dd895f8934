// SPDX-License-Identifier: MIT

/// The name of one pool of a ``PoolSet``: a number, by which the set finds its properties and stock.
///
/// A host keeps it with each block, see ``PageSource/pool(of:)``.
@frozen
public struct PoolID: Equatable, Sendable, BitwiseCopyable {
  /// Which of the set's pools it is, from 0 and below the set's capacity.
  public let index: Int

  /// The pool with that index.
  @inlinable
  public init(index: Int) {
    self.index = index
  }
}

/// What all blocks of a pool have in common (P1).
@frozen
public struct PoolProperties: Equatable, Sendable, BitwiseCopyable {
  /// Pages in each block, 1 or more.
  ///
  /// Pools of page orders have `1 << order` pages; pools of size
  /// classes have any number.
  public let blockSize: PageCount

  /// What the memory is like.
  public let kind: MemoryKind

  /// Properties of a pool.
  @inlinable
  public init(blockSize: PageCount, kind: MemoryKind) {
    self.blockSize = blockSize
    self.kind = kind
  }
}
