// SPDX-License-Identifier: MIT

package import HeapFramework
package import PagePools

/// A heap of this process whose memory is a region's, in runs or in chunks.
package final class RegionBufferHeap: ProcessHeap {
  /// The most of them that there can be.
  package static var mostHeaps: Int { RegionTable.capacity }

  /// Where its memory is; other heaps may share it.
  package let memory: RegionMemory

  private let heap: BufferHeap<LinuxHost>

  private var host: LinuxHost { heap.memory.host }

  /// Makes a heap.
  ///
  /// - Parameters:
  ///   - pools: the system's.
  ///   - cut: a chunk is at most as long as the region.
  /// - Returns: nil when there are too many heaps, or the region has no chunk.
  package init?(_ memory: RegionMemory, cut: RegionCut, in pools: BufferMemory<LinuxHost>) {
    guard let kind = pools.host.regions.add(memory, cut: cut),
      let heap = cut.makeHeap(of: memory.region, kind, in: pools)
    else { return nil }
    self.memory = memory
    self.heap = heap
  }

  /// Chunks are a buffer's as a whole.
  package func size(holding pages: PageCount) -> PageCount {
    pages <= heap.largest ? heap.length(for: pages) : pages
  }

  /// Gets a buffer; one of several blocks is mapped once more, to be in one piece.
  ///
  /// - Complexity: O(log pages) where the memory is one run, else O(pages).
  package func allocateBuffer(_ pages: PageCount) throws(HostFailure) -> MemoryBlock {
    let buffer = try heap.allocate(pages)
    do throws(HostFailure) {
      try memory.join(buffer.blocks, faults: host.faults)
    } catch {
      heap.free(buffer, mayBeWritten: false)
      throw error
    }
    guard let first = buffer.blocks.front else { preconditionFailure("a buffer has a block") }
    return first
  }

  package func free(_ block: MemoryBlock, mayBeWritten: Bool) {
    let blocks = BlockChain<LinuxHost>(from: block, in: host)
    memory.part(blocks)
    heap.free(
      Allocation(blocks: blocks, owner: LinuxHost.Owner()), mayBeWritten: mayBeWritten)
    host.memoryCameBack()
  }

  /// Nobody can tell when another process no longer has the pages of one buffer: a file is shared as a whole.
  package var sharing: (any SharingHeap)? { nil }

  package func counts() -> HeapCounts { heap.counters.total() }

  package func close() { heap.close() }
}
