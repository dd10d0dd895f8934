// SPDX-License-Identifier: MIT

public import PagePools

extension RegionCut {
  /// Makes the heap of a region whose blocks are cut so.
  ///
  /// - Parameters:
  ///   - region: may be shared with other heaps.
  ///   - kind: the host's for this heap's blocks, which is not pooled (D6).
  ///   - memory: shared with other heaps.
  /// - Returns: nil when the region has no chunk, or the pool set no room for one more pool.
  /// - Context: allocates; may block.
  public func makeHeap<Host: HeapHost>(
    of region: Region<Host>, _ kind: MemoryKind, in memory: BufferMemory<Host>
  ) -> BufferHeap<Host>? {
    switch self {
    case .runs: RegionHeap(memory: memory, kind: kind, region: region)
    case .chunks(let order):
      ChunkHeap(memory: memory, kind: kind, region: region, chunk: order)
    }
  }
}
