// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools

/// Whether regions hold as Embedded Swift: runs and chunks of one, taken, missing and given back.
func regionsHold() -> Bool {
  let host = ProbeHost()
  let region = Region<ProbeHost>(100..<300)
  host.share = RegionShare(of: region, cut: .chunks(Order(4)))
  let memory = BufferMemory(
    pools: PoolSet(source: host, limit: PageCount(1000)), deferredLimit: PageCount(100),
    inlineFreeLimit: PageCount(4))
  let kind = MemoryKind(.chunks, keeping: .keptZeroed)
  guard let heap = ChunkHeap(memory: memory, kind: kind, region: region, chunk: Order(4)),
    heap.largest == PageCount(176), let run = region.takeRun(PageCount(9)), run == 100..<109,
    let buffer = try? heap.allocate(PageCount(33)), buffer.blocks.pages == PageCount(48),
    buffer.blocks.blockCount == 1, host.isZero(buffer.blocks),
    region.space == RegionSpace(free: PageCount(143), largestRun: PageCount(140)),
    (try? heap.allocate(PageCount(140))) == nil
  else { return false }
  host.write(buffer.blocks)
  heap.free(buffer, mayBeWritten: true)
  region.give(run)
  heap.close()
  return host.takenPages == 0 && region.space.largestRun == PageCount(200)
}
