// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// Buffers that the host finds out about late: their last user told nobody.
struct ReturnedBuffersTests {
  let fixture = HeapFixture()

  @Test func allocate_fromEmptyPool_takesWhatCameBackUnnoticed() throws {
    let heap = try fixture.systemHeap()
    let buffer = try fixture.buffer(1, of: heap)
    fixture.host.onCollect { [host = fixture.host] _ in
      // Once: then nothing has come back any more.
      host.onCollect(nil)
      heap.free(buffer, mayBeWritten: false)
      return true
    }
    let again = try fixture.buffer(1, of: heap)
    #expect(heap.counters.total().poolMisses == 1, "new memory, though enough had come back")
    #expect(fixture.check().taken == PageCount(1))
    heap.free(again, mayBeWritten: false)
    fixture.close(heap)
  }

  @Test func allocate_whenWhatCameBackDoesNotFit_getsNewMemory() throws {
    let heap = try fixture.systemHeap()
    let buffer = try fixture.buffer(1, of: heap)
    fixture.host.onCollect { [host = fixture.host] _ in
      host.onCollect(nil)
      heap.free(buffer, mayBeWritten: false)
      return true
    }
    let larger = try fixture.buffer(16, of: heap)
    #expect(heap.counters.total().poolMisses == 2)
    heap.free(larger, mayBeWritten: false)
    fixture.close(heap)
  }
}
