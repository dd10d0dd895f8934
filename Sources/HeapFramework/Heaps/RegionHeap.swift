// SPDX-License-Identifier: MIT

public import PagePools

/// Buffers that are each one run of a region's pages (C1).
///
/// They are as long as was asked for, begin at any page, and can be used again as soon as they are freed.
public final class RegionHeap<Host: HeapHost>: BufferHeap<Host>, @unchecked Sendable {
  /// Makes a heap.
  ///
  /// - Parameters:
  ///   - memory: shared with other heaps.
  ///   - kind: the host's for runs of this region, which is not pooled (D6).
  ///   - region: may be shared with other heaps.
  /// - Returns: nil when the pool set has no room for one more pool.
  /// - Context: allocates; may block.
  public init?(memory: BufferMemory<Host>, kind: MemoryKind, region: Region<Host>) {
    precondition(!kind.keeping.contains(.pooled), "runs of a region are of any size")
    super.init(
      memory: memory, sizes: [PageCount(1)], kind: kind, largest: PageCount(region.pages.count))
  }

  /// Takes one block.
  public override func takeBlocks(
    _ pages: PageCount, into blocks: inout BlockChain<Host>, poolMisses: inout Int
  ) throws(Host.Failure) {
    let block = try memory.withReclaim(pages, pools.kind) { () throws(Host.Failure) in
      try memory.pools.allocate(pages, for: pools[0, 0], effort: .full)
    }
    poolMisses += 1
    blocks.append(block, in: memory.host)
  }
}
