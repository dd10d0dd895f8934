// SPDX-License-Identifier: MIT

public import PagePools

/// Buffers of as many chunks of one size as they need, wherever in a region these are (C2).
///
/// A buffer is as long as its chunks: what was asked for is rounded up. Chunks that are next to each other are one
/// block, but for those that were in stock, each of which is one.
public final class ChunkHeap<Host: HeapHost>: BufferHeap<Host>, @unchecked Sendable {
  /// How large a chunk is: 16 pages are usual.
  public let chunk: Order

  /// Makes a heap.
  ///
  /// - Parameters:
  ///   - memory: shared with other heaps.
  ///   - kind: the host's for chunks of this region, which is not pooled (D6), but may be stocked.
  ///   - region: may be shared with other heaps; at least one chunk long.
  ///   - chunk: of all its buffers.
  /// - Returns: nil when the region has no chunk, or the pool set no room for one more pool.
  /// - Context: allocates; may block.
  public init?(memory: BufferMemory<Host>, kind: MemoryKind, region: Region<Host>, chunk: Order) {
    precondition(!kind.keeping.contains(.pooled), "several chunks can be one block")
    let most = Self.chunkCount(of: chunk, in: region.pages)
    guard most > 0 else { return nil }
    self.chunk = chunk
    super.init(
      memory: memory, sizes: [chunk.pages], kind: kind,
      largest: PageCount(most << Int(chunk.rawValue)))
  }

  /// Whole chunks that begin at a multiple of their size.
  private static func chunkCount(of chunk: Order, in pages: Range<Int>) -> Int {
    let shift = Int(chunk.rawValue)
    let first = (pages.lowerBound + chunk.pages.rawValue - 1) >> shift
    return max((pages.upperBound >> shift) - first, 0)
  }

  /// Pages in the chunks that hold so many.
  public override func size(holding pages: PageCount) -> PageCount {
    PageCount(chunkCount(holding: pages) << Int(chunk.rawValue))
  }

  /// As the series has it, so that clients can use the whole of the last chunk.
  public override func length(for pages: PageCount) -> PageCount { size(holding: pages) }

  private func chunkCount(holding pages: PageCount) -> Int {
    (pages.rawValue + chunk.pages.rawValue - 1) >> Int(chunk.rawValue)
  }

  /// Takes all chunks, or none: those in stock first.
  public override func takeBlocks(
    _ pages: PageCount, into blocks: inout BlockChain<Host>, poolMisses: inout Int
  ) throws(Host.Failure) {
    let count = chunkCount(holding: pages)
    let inStock = takeStocked(count, into: &blocks)
    guard inStock < count else { return }
    let missing = count - inStock
    var taken = BlockChain<Host>()
    try memory.withReclaim(PageCount(missing << Int(chunk.rawValue)), pools.kind) {
      () throws(Host.Failure) in
      try memory.pools.allocate(missing, for: pools[0, 0], effort: .full, into: &taken)
    }
    poolMisses += taken.blockCount
    blocks.append(taken, in: memory.host)
  }

  private func takeStocked(_ count: Int, into blocks: inout BlockChain<Host>) -> Int {
    guard pools.kind.keeping.contains(.stocked) else { return 0 }
    let taken = memory.pools.take(count, from: pools[0, 0], into: &blocks)
    if taken > 0 {
      memory.host.trace(.hit, pools.kind, PageCount(taken << Int(chunk.rawValue)))
    }
    if memory.pools.isRefillDue(afterTakingFrom: pools[0, 0]) { memory.host.wakeWorker() }
    return taken
  }
}
