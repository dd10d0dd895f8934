// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// Counts that are read while others count (A1).
struct HeapCountersTests {
  /// One buffer after the other lives; whoever looks sees one or none, and never fewer.
  @Test(.timeLimit(.minutes(10)))
  func total_underTraffic_neverHasMoreFreedThanAllocated() throws {
    let fixture = HeapFixture()
    let heap = try fixture.systemHeap()
    let isDone = Gate()
    let observer = TestThread {
      while !isDone.isOpen {
        let counts = heap.counters.total()
        precondition(
          counts.liveBuffers >= 0 && counts.livePages >= .zero, "more is freed than allocated")
      }
    }
    TestThread.run(2) { thread in
      fixture.host.onShard(thread) {
        for _ in 0..<(TestScale.isSanitized ? 5000 : 100_000) {
          guard let buffer = try? heap.allocate(PageCount(1)) else { continue }
          heap.free(buffer, mayBeWritten: false)
        }
      }
    }
    isDone.open()
    observer.join()
    fixture.close(heap)
  }
}
