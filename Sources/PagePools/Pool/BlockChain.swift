// SPDX-License-Identifier: MIT

/// Blocks linked through their own link slots: the memory of one buffer, or a batch on its way.
///
/// The chain is a first block, a last block and two counts; it allocates nothing (P2). It is not
/// synchronised: its owner guards it. A chain does not release its blocks when it goes away; whoever
/// holds it must.
@frozen
public struct BlockChain<Source: PageSource>: Sendable, BitwiseCopyable {
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

  /// The chain that begins with a block, as its blocks are linked.
  ///
  /// - Complexity: O(blocks).
  @inlinable
  public init(from first: Source.Block, in source: Source) {
    self.init()
    var next: Source.Block? = first
    while let block = next {
      next = source.next(after: block)
      append(block, in: source)
    }
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

  /// Puts a block at the end.
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
    blockTotal += 1
    pageTotal += source.size(of: block)
  }

  /// Puts another chain's blocks at the end.
  ///
  /// - Complexity: O(1).
  @inlinable
  public mutating func append(_ other: BlockChain, in source: Source) {
    guard let otherFirst = other.first else { return }
    if let last {
      source.setNext(otherFirst, after: last)
    } else {
      first = otherFirst
    }
    last = other.last
    blockTotal += other.blockTotal
    pageTotal += other.pageTotal
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
    pageTotal -= source.size(of: block)
    return block
  }

  /// Takes the blocks at the front that are of the front block's pool, up to so many pages and at
  /// least one block.
  ///
  /// - Returns: nil when the chain is empty.
  /// - Complexity: O(blocks taken).
  @inlinable
  public mutating func popBatch(
    upTo limit: PageCount, in source: Source
  ) -> (pool: PoolID, blocks: BlockChain)? {
    guard let front = first else { return nil }
    let pool = source.pool(of: front)
    var batch = BlockChain()
    while let block = first, source.pool(of: block) == pool,
      batch.isEmpty || batch.pages + source.size(of: block) <= limit
    {
      _ = pop(in: source)
      batch.append(block, in: source)
    }
    return (pool, batch)
  }
}
