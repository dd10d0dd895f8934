// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// What becomes of memory of each kind when it is freed, and whose it is to count (D6).
struct KeepingTests {
  let fixture = HeapFixture(deferredLimit: 100, inlineFreeLimit: 4)

  /// Limited memory goes back at once, whoever frees it and whatever was done with it.
  @Test func returnedAtOnce_isNeverPooledZeroedOrDeferred() throws {
    let kind = MemoryKind.test(1, keeping: .returnedAtOnce)
    let contiguous = try fixture.singleBlockHeap(kind)
    let system = try fixture.systemHeap(kind)
    for thread in [FreeingThread.user, .watcher, .bystander] {
      for isWritten in [true, false] {
        for pages in [1, 20] {
          let buffers = (
            try fixture.buffer(pages, of: contiguous), try fixture.buffer(pages, of: system)
          )
          let blocks = fixture.sizes(buffers.1)
          let events = fixture.host.logging {
            contiguous.free(buffers.0, mayBeWritten: isWritten, by: thread)
            system.free(buffers.1, mayBeWritten: isWritten, by: thread)
          }
          #expect(events == [.released(pages)] + blocks.map { .released($0) })
          #expect(fixture.check() == PageAccounts())
        }
      }
    }
    fixture.close(contiguous, system)
  }

  /// Memory that is set aside anyway: neither the limit nor the shrinker is about it.
  @Test func pooledButNotCounted_isNobodysBusiness() throws {
    let fixture = HeapFixture(limit: 10, deferredLimit: 100, inlineFreeLimit: 4)
    let heap = try fixture.singleBlockHeap(.test(1, keeping: [.pooled, .deferred]))
    let other = try fixture.singleBlockHeap(.test(2))
    for pages in [20, 20, 3] {
      let buffers = try (0..<2).map { _ in try fixture.buffer(pages, of: heap) }
      for buffer in buffers { heap.free(buffer, mayBeWritten: false) }
    }
    let pages = PageCount(20 + 20 + 3 + 3)
    #expect(fixture.check().pooled == pages)
    #expect(fixture.pools.totalPages == .zero)
    #expect(fixture.pools.reclaimablePages() == .zero)
    #expect(fixture.memory.shrinkPools(PageCount(1000)) == .zero)
    // Another kind's memory has the whole limit, and what is over it is taken from that kind.
    let large = try [10, 10].map { try fixture.buffer($0, of: other) }
    let events = fixture.host.logging {
      for buffer in large { other.free(buffer, mayBeWritten: false) }
    }
    #expect(events == [.released(10)])
    fixture.pools.setLimit(.zero)
    #expect(fixture.check().pooled == pages)
    let again = try fixture.buffer(20, of: heap)
    #expect(heap.counters.total().poolMisses == 4)
    #expect(fixture.host.logging { heap.free(again, mayBeWritten: true) }.isEmpty)
    #expect(fixture.host.logging { fixture.freeAllDeferred() } == [.zeroed(20)])
    #expect(fixture.check().pooled == pages)
    // What it can help, it helps.
    fixture.host.failWhere { $0.number == 1 ? .outOfMemory : nil }
    let helped = try fixture.buffer(30, of: heap)
    #expect(fixture.check().pooled < pages)
    heap.free(helped, mayBeWritten: false)
    fixture.close(heap, other)
  }

  /// Whoever frees memory that does not wait does the work.
  @Test func notDeferred_isZeroedAtOnce() throws {
    let heap = try fixture.singleBlockHeap(.test(1, keeping: [.pooled, .counted]))
    for thread in [FreeingThread.user, .watcher, .bystander] {
      let buffer = try fixture.buffer(64, of: heap)
      fixture.host.write(buffer)
      let events = fixture.host.logging { heap.free(buffer, mayBeWritten: true, by: thread) }
      #expect(events == [.zeroed(64)])
      #expect(fixture.check().deferred == .zero)
      #expect(fixture.pools.totalPages == PageCount(64))
    }
    fixture.close(heap)
  }

  /// Where the limit leaves no room there is nothing to zero for.
  @Test(arguments: [0, 15])
  func limitBelowTheBlock_zeroesNothing(limit: Int) throws {
    let heap = try fixture.singleBlockHeap()
    fixture.pools.setLimit(PageCount(limit))
    let first = fixture.pools.roundRobin()
    for thread in [FreeingThread.user, .watcher, .bystander] {
      let buffer = try fixture.buffer(16, of: heap)
      let events = fixture.host.logging { heap.free(buffer, mayBeWritten: true, by: thread) }
      #expect(events == [.released(16)])
    }
    #expect(fixture.pools.roundRobin() == first)
    fixture.close(heap)
  }

  /// A limit that falls while memory waits.
  @Test func limitThatFell_releasesWhatWaits() throws {
    let heap = try fixture.singleBlockHeap()
    let buffer = try fixture.buffer(16, of: heap)
    heap.free(buffer, mayBeWritten: true)
    fixture.pools.setLimit(PageCount(15))
    #expect(fixture.host.logging { fixture.freeAllDeferred() } == [.released(16)])
    fixture.close(heap)
  }

  /// What a client spoilt goes back to its source, the rest is pooled: whoever zeroes it.
  @Test func spoiltBlocks_goToTheSource() throws {
    let heap = try fixture.systemHeap()
    let ways: [(Int, (TestBuffer) -> Void)] = [
      (4, { heap.free($0, mayBeWritten: true) }),
      (
        37,
        {
          heap.free($0, mayBeWritten: true)
          fixture.freeAllDeferred()
        }
      ),
    ]
    for (pages, way) in ways {
      let buffer = try fixture.buffer(pages, of: heap)
      let blocks = fixture.host.blocks(in: buffer.blocks)
      fixture.host.write(buffer)
      fixture.host.spoil(blocks[1])
      let size = fixture.host.size(of: blocks[1])
      let events = fixture.host.logging { way(buffer) }
      #expect(events.filter { $0 == .released(size.rawValue) } == [.released(size.rawValue)])
      #expect(events.count == blocks.count)
      #expect(fixture.check().pooled == PageCount(pages) - size)
      fixture.memory.reclaimAll()
    }
    // Nobody who helps gets one.
    let contiguous = try fixture.singleBlockHeap()
    let buffers = try (0..<4).map { _ in try fixture.buffer(8, of: contiguous) }
    for buffer in buffers {
      fixture.host.blocks(in: buffer.blocks).forEach { fixture.host.spoil($0) }
      contiguous.free(buffer, mayBeWritten: true)
    }
    var buffer: TestBuffer?
    let events = try fixture.host.logging { buffer = try fixture.buffer(8, of: contiguous) }
    #expect(events == [.released(8), .allocated(8, .full)])
    contiguous.free(try #require(buffer), mayBeWritten: false)
    fixture.freeAllDeferred()
    fixture.close(heap, contiguous)
  }
}
