// SPDX-License-Identifier: MIT

/// Blocks as items of the deferred-free list: the memory of freed buffers, linked through the blocks' own
/// link slots.
///
/// A freed buffer is its blocks: they are queued together, in one step, and freed one by one, so that a
/// shrinker reaches all that nobody works on just now.
public struct DeferredBlocks<Source: PageSource>: DeferredFreeItems {
  /// A block.
  public typealias Item = Source.Block
  /// The host's lock.
  public typealias Lock = Source.Lock

  @usableFromInline let source: Source

  /// Blocks of a source.
  @inlinable
  public init(source: Source) {
    self.source = source
  }

  /// Pages in a block.
  @inlinable
  public func deferredSize(of item: Source.Block) -> PageCount { source.size(of: item) }

  /// The block's link slot.
  @inlinable
  public func nextDeferred(after item: Source.Block) -> Source.Block? { source.next(after: item) }

  /// Stores into the block's link slot.
  @inlinable
  public func setNextDeferred(_ next: Source.Block?, after item: Source.Block) {
    source.setNext(next, after: item)
  }
}

extension DeferredFreeList {
  /// Puts all blocks of a chain at the end, or none.
  ///
  /// - Parameters:
  ///   - blocks: at least one. They are the list's, unless it refuses.
  ///   - isForced: whether to take them whatever waits.
  /// - Complexity: O(1); allocates nothing.
  /// - Context: takes the list's lock; does not block.
  @inlinable
  public func append<Source: PageSource>(
    _ blocks: BlockChain<Source>, isForced: Bool = false
  ) -> Admission where Items == DeferredBlocks<Source> {
    guard let first = blocks.first, let last = blocks.last else { return .queued }
    return append(first: first, last: last, blocks.pages, isForced: isForced)
  }
}
