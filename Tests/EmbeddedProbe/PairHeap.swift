// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools

/// A heap of a kind that the framework does not have: write-combined pairs of pages, never pooled.
final class PairHeap: BufferHeap<ProbeHost>, @unchecked Sendable {
  init?(memory: BufferMemory<ProbeHost>) {
    super.init(
      memory: memory, sizes: [PageCount(2)],
      kind: MemoryKind(.pairs, caching: .writeCombined, keeping: .returnedAtOnce),
      largest: PageCount(128))
  }

  override func size(holding pages: PageCount) -> PageCount {
    PageCount((pages.rawValue + 1) / 2 * 2)
  }

  override func takeBlocks(
    _ pages: PageCount, into blocks: inout BlockChain<ProbeHost>, poolMisses: inout Int
  ) throws(ProbeFailure) {
    let count = (pages.rawValue + 1) / 2
    try memory.pools.allocate(count, for: pools[0, 0], effort: .full, into: &blocks)
    poolMisses += count
  }
}
