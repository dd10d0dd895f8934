// SPDX-License-Identifier: MIT

public import PagePools

/// A heap whose buffers are blocks of its own pools.
///
/// Heaps differ in the blocks that they take for a buffer; how it is freed is the same for all.
public protocol PooledHeap<Host>: Sendable {
  /// Where the memory comes from.
  associatedtype Host: HeapHost

  /// Where its memory comes from.
  var memory: BufferMemory<Host> { get }

  /// What it has done.
  var counters: HeapCounters<Host> { get }

  /// Takes or gets zeroed blocks of together at least `pages` pages.
  ///
  /// - Parameter pages: 1 or more.
  /// - Throws: the host's reason, or `.outOfMemory` (ENOMEM) for more than the heap can have; nothing is
  ///   left behind.
  /// - Context: no lock held; may block.
  func allocate(_ pages: PageCount) throws(Host.Failure) -> BlockChain<Host>

  /// Destroys the heap's pools, releasing their blocks (P6).
  ///
  /// No buffer of the heap may be live or waiting.
  ///
  /// - Context: no lock held; may block.
  func close()
}

extension PooledHeap {
  /// Frees a buffer that its owner is done with.
  ///
  /// - Parameter mayBeWritten: false only when nobody can have written it since it was handed out (S4).
  /// - Context: no lock held; may block.
  @inlinable
  public func free(_ buffer: Host.Buffer, mayBeWritten: Bool) {
    counters.countFree(memory.host.deferredSize(of: buffer))
    memory.free(buffer, mayBeWritten: mayBeWritten)
  }

  /// Frees a buffer from a thread with better things to do than to zero it, whatever its size.
  ///
  /// - Context: no lock held; may block when too much is waiting (D5).
  @inlinable
  public func deferFree(_ buffer: Host.Buffer) {
    counters.countFree(memory.host.deferredSize(of: buffer))
    memory.deferFree(buffer)
  }

  /// Takes back memory that was allocated for a buffer which could not be made.
  ///
  /// - Parameter blocks: still zero, as they were handed out.
  /// - Context: no lock held; does not block below the pools' limit.
  @inlinable
  public func abandon(_ blocks: consuming BlockChain<Host>) {
    counters.countFree(blocks.pages)
    memory.poolUnwritten(blocks)
  }
}

/// The pools of one heap, one for each size of its blocks.
///
/// A value inside its heap: a reference would be counted at every allocation, and threads counting the
/// same reference wait for each other.
@usableFromInline
struct HeapPools<Host: HeapHost>: ~Copyable, Sendable {
  @usableFromInline let pools: StableArray<PagePool<Host>>

  /// Adds a pool for each size.
  ///
  /// - Parameters:
  ///   - memory: shared with other heaps.
  ///   - sizes: of blocks, in pages; at least one.
  ///   - attributes: of all blocks.
  /// - Returns: nil when the pool set has no room for so many pools; nothing is left behind.
  /// - Context: allocates; may block.
  init?(in memory: BufferMemory<Host>, sizes: [PageCount], attributes: Host.Attributes) {
    precondition(!sizes.isEmpty, "a heap has blocks of some size")
    var added: [PagePool<Host>] = []
    added.reserveCapacity(sizes.count)
    for size in sizes {
      guard let pool = memory.pools.addPool(blockSize: size, attributes: attributes) else {
        for pool in added { memory.pools.destroy(pool) }
        return nil
      }
      added.append(pool)
    }
    pools = StableArray(count: added.count) { added[$0] }
  }

  @inlinable var count: Int { pools.count }

  /// The pool of the size at `index`.
  @inlinable
  subscript(index: Int) -> PagePool<Host> { pools[index] }

  /// Destroys the pools, releasing their blocks.
  func destroy(in memory: BufferMemory<Host>) {
    for index in 0..<pools.count {
      memory.pools.destroy(pools[index])
    }
  }
}
