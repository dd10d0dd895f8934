// SPDX-License-Identifier: MIT

/// The free blocks of one pool on one shard: the block given last is taken first, the one given first
/// goes first when memory is short (P1).
///
/// A doubly linked list through the blocks' own link slots; it allocates nothing (P2). Guarded by its
/// shard's lock.
@usableFromInline
struct PoolStock<Source: PageSource>: BitwiseCopyable {
  @usableFromInline var warmest: Source.Block?
  @usableFromInline var coldest: Source.Block?
  @usableFromInline var blockCount: Int

  /// Blocks at the cold end that have been here since ``beginInterval()``.
  @usableFromInline var untouched: Int

  @inlinable
  init() {
    warmest = nil
    coldest = nil
    blockCount = 0
    untouched = 0
  }

  /// From now on, what is here counts as untouched until it is taken.
  @inlinable
  mutating func beginInterval() { untouched = blockCount }

  /// Puts a block where it is taken next.
  ///
  /// - Complexity: O(1).
  @inlinable
  mutating func push(_ block: Source.Block, in source: Source) {
    source.setPrevious(nil, before: block)
    source.setNext(warmest, after: block)
    if let warmest {
      source.setPrevious(block, before: warmest)
    } else {
      coldest = block
    }
    warmest = block
    blockCount += 1
  }

  /// Takes the block that was given last.
  ///
  /// - Complexity: O(1).
  @inlinable
  mutating func popWarmest(in source: Source) -> Source.Block? {
    guard let block = warmest else { return nil }
    warmest = source.next(after: block)
    if let warmest {
      source.setPrevious(nil, before: warmest)
    } else {
      coldest = nil
    }
    blockCount -= 1
    if blockCount < untouched { untouched = blockCount }
    return block
  }

  /// Takes the block that has been here for longest.
  ///
  /// - Complexity: O(1).
  @inlinable
  mutating func popColdest(in source: Source) -> Source.Block? {
    guard let block = coldest else { return nil }
    coldest = source.previous(before: block)
    if let coldest {
      source.setNext(nil, after: coldest)
    } else {
      warmest = nil
    }
    blockCount -= 1
    if untouched > 0 { untouched -= 1 }
    return block
  }
}
