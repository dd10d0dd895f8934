// SPDX-License-Identifier: MIT

public import PagePools

/// One block per buffer, pooled by size class (S3).
///
/// This is `system-contig`, whose blocks are physically contiguous, and every heap whose memory comes as
/// whole objects, such as one memfd per buffer.
public final class SingleBlockHeap<Host: HeapHost>: BufferHeap<Host>, @unchecked Sendable {
  /// Makes a heap and its pools, one for each size class up to `largest`.
  ///
  /// - Parameters:
  ///   - memory: shared with other heaps.
  ///   - kind: of all its blocks.
  ///   - largest: pages; the heap refuses larger buffers. 1 to 2^28.
  /// - Returns: nil when the pool set has no room for so many pools; nothing is left behind.
  /// - Context: allocates; may block.
  public init?(
    memory: BufferMemory<Host>, kind: MemoryKind,
    largest: PageCount = SizeClass(index: SizeClass.count - 1).pages
  ) {
    guard let lastClass = SizeClass(holding: largest) else { return nil }
    let sizes = (0...lastClass.index).map { SizeClass(index: $0).pages }
    super.init(memory: memory, sizes: sizes, kind: kind, largest: lastClass.pages)
  }

  /// Pages in the class that holds so many.
  public override func size(holding pages: PageCount) -> PageCount {
    SizeClass(holding: pages)?.pages ?? pages
  }

  /// Takes one block.
  public override func takeBlocks(
    _ pages: PageCount, into blocks: inout BlockChain<Host>, poolMisses: inout Int
  ) throws(Host.Failure) {
    guard let sizeClass = SizeClass(holding: pages) else { throw refuse(pages) }
    let obtained = try obtain(sizeClass)
    poolMisses += obtained.wasPooled ? 0 : 1
    blocks.append(obtained.block, in: memory.host)
  }

  /// Takes or gets one zeroed block of at least `pages` pages, as ``BufferHeap/allocate(_:)`` does.
  ///
  /// - Returns: the block, whom it is charged to, and whether it came from the pool.
  /// - Complexity: O(1) from the pool; allocates nothing.
  /// - Context: no lock held; may block.
  @inlinable
  public func allocateBlock(
    _ pages: PageCount
  ) throws(Host.Failure) -> (block: Host.Block, owner: Host.Owner, wasPooled: Bool) {
    guard let sizeClass = SizeClass(holding: pages), sizeClass.index < pools.sizeCount else {
      throw refuse(pages)
    }
    let owner = try charge(sizeClass.pages)
    do throws(Host.Failure) {
      let obtained = try obtain(sizeClass)
      counters.countAllocation(sizeClass.pages, poolMisses: obtained.wasPooled ? 0 : 1)
      return (obtained.block, owner, obtained.wasPooled)
    } catch {
      memory.host.uncharge(sizeClass.pages, owner)
      counters.countFailure()
      throw error
    }
  }

  @inlinable
  func obtain(
    _ sizeClass: SizeClass
  ) throws(Host.Failure) -> (block: Host.Block, wasPooled: Bool) {
    try memory.withReclaim(sizeClass.pages, pools.kind) { () throws(Host.Failure) in
      try memory.obtain(sizeClass.index, of: pools, effort: .full)
    }
  }

  /// Sets how many blocks for buffers of `pages` pages are to be there before anybody asks (P9).
  ///
  /// - Returns: false when buffers cannot be so large.
  /// - Throws: ``PagePools/WatermarksExceedLimit``.
  /// - Context: no lock held; does not block.
  @discardableResult
  public func setWatermarks(
    _ marks: Watermarks, holding pages: PageCount
  ) throws(WatermarksExceedLimit) -> Bool {
    guard let sizeClass = SizeClass(holding: pages), sizeClass.index < pools.sizeCount else {
      return false
    }
    try memory.setWatermarks(marks, sizeClass.index, of: pools)
    return true
  }

  /// What is to be there for buffers of `pages` pages.
  ///
  /// - Returns: nil when buffers cannot be so large.
  public func watermarks(holding pages: PageCount) -> Watermarks? {
    guard let sizeClass = SizeClass(holding: pages), sizeClass.index < pools.sizeCount else {
      return nil
    }
    return memory.pools.watermarks(of: pools[sizeClass.index, 0])
  }
}
