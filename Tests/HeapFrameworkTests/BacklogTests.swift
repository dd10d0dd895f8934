// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import Synchronization
import TestSupport
import Testing

/// Who zeroes what, and how much of it for others (D5, U3).
struct BacklogTests {
  let fixture = HeapFixture(deferredLimit: 40, inlineFreeLimit: 4)

  /// Whoever frees a large buffer should not pay for its size; the next one finds the backlog full.
  @Test func free_ofMoreThanTheLimit_waitsWhereNothingElseDoes() throws {
    let heap = try fixture.systemHeap()
    let buffers = try [300, 41, 5].map { try fixture.buffer($0, of: heap) }
    #expect(fixture.host.logging { heap.free(buffers[0], mayBeWritten: true) }.isEmpty)
    #expect(fixture.check().deferred == PageCount(300))
    let sizes = fixture.sizes(buffers[1])
    #expect(
      fixture.host.logging { heap.free(buffers[1], mayBeWritten: true) }
        == sizes.map { .zeroed($0) })
    #expect(fixture.host.logging { heap.free(buffers[2], mayBeWritten: true) }.count == 5)
    #expect(fixture.check().deferred == PageCount(300))
    fixture.freeAllDeferred()
    fixture.close(heap)
  }

  @Test func free_withLimitZero_neverWaits() throws {
    let fixture = HeapFixture(deferredLimit: 0, inlineFreeLimit: 0)
    let heap = try fixture.singleBlockHeap()
    let buffer = try fixture.buffer(16, of: heap)
    #expect(fixture.host.logging { heap.free(buffer, mayBeWritten: true) } == [.zeroed(16)])
    fixture.close(heap)
  }

  /// Who came across somebody else's buffer does nothing about it; who is there to notice does, as far as the
  /// worker cannot.
  @Test func bystander_neverZeroes() throws {
    let heap = try fixture.singleBlockHeap()
    let buffers = try [40, 40, 1, 10].map { try fixture.buffer($0, of: heap) }
    let events = fixture.host.logging {
      for buffer in buffers.prefix(3) { heap.free(buffer, mayBeWritten: true, by: .bystander) }
    }
    #expect(events.isEmpty)
    #expect(fixture.check().deferred == PageCount(81))
    #expect(
      fixture.host.logging { heap.free(buffers[3], mayBeWritten: true, by: .watcher) }
        == [.zeroed(10)])
    fixture.freeAllDeferred()
    fixture.close(heap)
  }

  @Test(arguments: [FreeingThread.watcher, .bystander])
  func smallBuffers_ofOthers_wait(_ thread: FreeingThread) throws {
    let heap = try fixture.singleBlockHeap()
    let buffer = try fixture.buffer(1, of: heap)
    #expect(fixture.memory.deferred.workerMaySleep())
    #expect(
      fixture.host.logging { heap.free(buffer, mayBeWritten: true, by: thread) }.isEmpty)
    #expect(fixture.host.counts.wakes == 1)
    fixture.freeAllDeferred()
    fixture.close(heap)
  }

  /// What is larger than what is wanted is the worker's.
  @Test func helping_leavesWhatIsLarger() throws {
    let fixture = HeapFixture(deferredLimit: 1000)
    let heap = try fixture.singleBlockHeap()
    let buffers = try [16, 5, 16, 16].map { try fixture.buffer($0, of: heap) }
    for buffer in buffers { heap.free(buffer, mayBeWritten: true) }
    var large: [TestBuffer] = []
    let events = try fixture.host.logging { large.append(try fixture.buffer(8, of: heap)) }
    #expect(events == [.allocated(8, .full)])
    _ = fixture.memory.deferred.takeOldest { fixture.host.size(of: $0) == PageCount(16) }.map {
      fixture.pools.release($0, from: .deferredFree)
    }
    // Five pages of eight; three more are wanted, and what comes next has sixteen.
    let more = try fixture.host.logging { large.append(try fixture.buffer(8, of: heap)) }
    #expect(more == [.zeroed(5), .allocated(8, .full)])
    #expect(fixture.check().deferred == PageCount(32))
    for buffer in large { heap.free(buffer, mayBeWritten: false) }
    fixture.freeAllDeferred()
    fixture.close(heap)
  }

  /// A host that learns of releases late is asked for as much as is wanted, and the pool is looked at again.
  @Test func collecting_isBoundedByWhatIsWanted() throws {
    let heap = try fixture.singleBlockHeap()
    let returned = Locked<[TestBuffer], SpinLock>([try fixture.buffer(12, of: heap)])
    let asked = Locked<[PageCount], SpinLock>([])
    fixture.host.onCollect { limit in
      asked.withLock { $0.append(limit) }
      guard let buffer = returned.withLock({ $0.popLast() }) else { return false }
      heap.free(buffer, mayBeWritten: false)
      return true
    }
    var buffers: [TestBuffer] = []
    #expect(try fixture.host.logging { buffers.append(try fixture.buffer(11, of: heap)) }.isEmpty)
    #expect(
      try fixture.host.logging { buffers.append(try fixture.buffer(3, of: heap)) }
        == [.allocated(3, .full)])
    #expect(asked.withLock { $0 } == [PageCount(12), PageCount(3)])
    fixture.host.onCollect(nil)
    for buffer in buffers { heap.free(buffer, mayBeWritten: false) }
    fixture.close(heap)
  }

  /// One turn takes many small buffers or one that is larger (D3).
  @Test func workerTurn_takesUpToAMebibyte() throws {
    let fixture = HeapFixture(deferredLimit: 5000, inlineFreeLimit: 0)
    let heap = try fixture.singleBlockHeap(largest: 512)
    let buffers = try [100, 100, 56, 1, 512, 3].map { try fixture.buffer($0, of: heap) }
    for buffer in buffers { heap.free(buffer, mayBeWritten: true) }
    let sizes = buffers.map { $0.blocks.pages.rawValue }
    #expect(sizes == [112, 112, 56, 1, 512, 3])
    for turn in [[112, 112], [56, 1], [512], [3], []] {
      let events = fixture.host.logging {
        #expect(fixture.memory.freeOldestDeferred() == !turn.isEmpty)
      }
      #expect(events == turn.map { .zeroed($0) })
    }
    fixture.close(heap)
  }
}
