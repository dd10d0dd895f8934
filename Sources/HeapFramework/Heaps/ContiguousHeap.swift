// SPDX-License-Identifier: MIT

public import PagePools

/// One contiguous block per buffer, pooled by size class (S3).
///
/// This is `system-contig`, and every heap whose memory comes as whole objects, such as one memfd
/// per buffer.
public final class ContiguousHeap<Host: HeapHost>: Sendable {
  /// Where its memory comes from.
  public let memory: BufferMemory<Host>

  /// What it has done.
  public let counters: HeapCounters<Host>

  @usableFromInline let pools: StableArray<PagePool<Host>>

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
    var added: [PagePool<Host>] = []
    added.reserveCapacity(lastClass.index + 1)
    for index in 0...lastClass.index {
      let size = SizeClass(index: index).pages
      guard let pool = memory.pools.addPool(blockSize: size, attributes: attributes) else {
        for pool in added { memory.pools.destroy(pool) }
        return nil
      }
      added.append(pool)
    }
    self.memory = memory
    pools = StableArray(count: added.count) { added[$0] }
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
  public func allocate(
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
  public func deferFree(_ buffer: Host.Buffer) {
    counters.countFree(memory.host.deferredSize(of: buffer))
    memory.deferFree(buffer)
  }

  /// Destroys the heap's pools, releasing their blocks (P6).
  ///
  /// No buffer of the heap may be live or waiting.
  ///
  /// - Context: no lock held; may block.
  public func close() {
    for index in 0..<pools.count {
      memory.pools.destroy(pools[index])
    }
  }
}
