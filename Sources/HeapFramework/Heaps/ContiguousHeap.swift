// SPDX-License-Identifier: MIT

public import PagePools

/// One contiguous block per buffer, pooled by size class (S3).
///
/// This is `system-contig`, and every heap whose memory comes as whole objects, such as one memfd
/// per buffer.
public final class ContiguousHeap<Host: HeapHost>: PooledHeap {
  /// Where its memory comes from.
  public let memory: BufferMemory<Host>

  /// What it has done.
  public let counters: HeapCounters<Host>

  @usableFromInline let pools: HeapPools<Host>

  /// Makes a heap and its pools, one for each size class up to `largest`.
  ///
  /// - Parameters:
  ///   - memory: shared with other heaps.
  ///   - attributes: of all its blocks.
  ///   - largest: pages; the heap refuses larger buffers. 1 to 2^28.
  /// - Returns: nil when the pool set has no room for so many pools; nothing is left behind.
  /// - Context: allocates; may block.
  public init?(
    memory: BufferMemory<Host>, attributes: Host.Attributes,
    largest: PageCount = SizeClass(index: SizeClass.count - 1).pages
  ) {
    guard let lastClass = SizeClass(holding: largest) else { return nil }
    let sizes = (0...lastClass.index).map { SizeClass(index: $0).pages }
    guard let pools = HeapPools(in: memory, sizes: sizes, attributes: attributes) else {
      return nil
    }
    self.pools = pools
    self.memory = memory
    counters = HeapCounters(host: memory.host, shardCount: memory.pools.shardCount)
  }

  /// Takes or gets one zeroed block of at least `pages` pages.
  ///
  /// Memory that waits or is pooled elsewhere is given back before the request fails (D6).
  ///
  /// - Parameter pages: 1 or more.
  /// - Returns: the block, and whether it came from the pool.
  /// - Throws: the host's reason, `.outOfMemory` (ENOMEM) for more than the largest block.
  /// - Complexity: O(1) from the pool; allocates nothing.
  /// - Context: no lock held; may block.
  @inlinable
  public func allocateBlock(
    _ pages: PageCount
  ) throws(Host.Failure) -> (block: Host.Block, wasPooled: Bool) {
    guard let sizeClass = SizeClass(holding: pages), sizeClass.index < pools.count else {
      counters.countFailure()
      throw .outOfMemory
    }
    let pool = pools[sizeClass.index]
    do throws(Host.Failure) {
      let obtained = try memory.withReclaim { () throws(Host.Failure) in
        try memory.obtain(from: pool, effort: .full)
      }
      counters.countAllocation(pool.blockSize, poolMisses: obtained.wasPooled ? 0 : 1)
      return obtained
    } catch {
      counters.countFailure()
      throw error
    }
  }

  /// The block as a chain: see ``allocateBlock(_:)``.
  @inlinable
  public func allocate(_ pages: PageCount) throws(Host.Failure) -> BlockChain<Host> {
    BlockChain(try allocateBlock(pages).block, in: memory.host)
  }

  /// Sets how many blocks for buffers of `pages` pages are to be there before anybody asks (P9).
  ///
  /// - Returns: false when buffers cannot be so large.
  /// - Context: no lock held; does not block.
  @discardableResult
  public func setWatermarks(_ marks: Watermarks, holding pages: PageCount) -> Bool {
    guard let sizeClass = SizeClass(holding: pages), sizeClass.index < pools.count else {
      return false
    }
    memory.setWatermarks(marks, of: pools[sizeClass.index])
    return true
  }

  /// Destroys the heap's pools, releasing their blocks (P6).
  ///
  /// No buffer of the heap may be live or waiting.
  ///
  /// - Context: no lock held; may block.
  public func close() {
    pools.destroy(in: memory)
  }
}
