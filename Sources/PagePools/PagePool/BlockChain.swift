// SPDX-License-Identifier: MIT

/// Blocks linked through their own link slots: a pool's stock, or the memory of one buffer.
///
/// The chain is a first block, a last block and two counts; it allocates nothing (P2). It is not
/// synchronised: a pool's stock is guarded by its shard's lock, a buffer's chain by its owner.
/// A chain does not release its blocks when it goes away; whoever holds it must.
@frozen
public struct BlockChain<Source: PageSource>: Sendable {
  @usableFromInline var first: Source.Block?
  @usableFromInline var last: Source.Block?

  @usableFromInline var blockTotal: Int
  @usableFromInline var pageTotal: PageCount

  /// A chain of no blocks.
  @inlinable
  public init() {
    first = nil
    last = nil
    blockTotal = 0
    pageTotal = .zero
  }

  /// A chain of one block.
  @inlinable
  public init(_ block: Source.Block, in source: Source) {
    self.init()
    append(block, in: source)
  }

  /// Blocks in the chain.
  @inlinable
  public var blockCount: Int { blockTotal }

  /// Pages in all blocks together.
  @inlinable
  public var pages: PageCount { pageTotal }

  /// The next block to be popped, from which the others are linked; nil when there is none.
  @inlinable
  public var front: Source.Block? { first }

  /// Whether there is no block.
  @inlinable
  public var isEmpty: Bool { first == nil }

  /// Puts a block at the front: the next to be popped.
  ///
  /// - Complexity: O(1).
  @inlinable
  public mutating func push(_ block: Source.Block, in source: Source) {
    source.setNext(first, after: block)
    if first == nil { last = block }
    first = block
    count(block, in: source)
  }

  /// Puts a block at the end, keeping the order in which a buffer's memory was taken.
  ///
  /// - Complexity: O(1).
  @inlinable
  public mutating func append(_ block: Source.Block, in source: Source) {
    source.setNext(nil, after: block)
    if let last {
      source.setNext(block, after: last)
    } else {
      first = block
    }
    last = block
    count(block, in: source)
  }

  /// Takes the front block.
  ///
  /// - Returns: nil when the chain is empty.
  /// - Complexity: O(1).
  @inlinable
  public mutating func pop(in source: Source) -> Source.Block? {
    guard let block = first else { return nil }
    first = source.next(after: block)
    if first == nil { last = nil }
    source.setNext(nil, after: block)
    blockTotal -= 1
    pageTotal -= source.pool(of: block).blockSize
    return block
  }

  /// Visits the blocks from first to last without taking them.
  ///
  /// - Complexity: O(blocks).
  @inlinable
  public func forEach(in source: Source, _ body: (Source.Block) -> Void) {
    var next = first
    while let block = next {
      next = source.next(after: block)
      body(block)
    }
  }

  @inlinable
  mutating func count(_ block: Source.Block, in source: Source) {
    blockTotal += 1
    pageTotal += source.pool(of: block).blockSize
  }
}
