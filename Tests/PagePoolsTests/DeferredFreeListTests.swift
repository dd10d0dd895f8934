// SPDX-License-Identifier: MIT

import PagePools
import TestSupport
import Testing

/// Objects that wait to be freed (D1–D5).
struct DeferredFreeListTests {
  let fixture = PoolFixture()

  /// Makes a buffer of one new block of `pages` pages, accounted for as waiting.
  private func buffer(_ pages: Int) throws -> TestBuffer {
    let known = fixture.roundRobin.first { $0.blockSize == PageCount(pages) }
    let pool = try known ?? fixture.pool(pages)
    let block = try fixture.blocks(1, for: pool)[0]
    fixture.set.deferPages(PageCount(pages))
    return fixture.host.makeBuffer(block)
  }

  private func list(limit: Int) -> DeferredFreeList<TestHost> {
    DeferredFreeList(items: fixture.host, limit: PageCount(limit))
  }

  private func free(_ buffer: TestBuffer) {
    var chain = fixture.host.dismantle(buffer)
    while let block = chain.pop(in: fixture.host) {
      fixture.set.release(block, from: .deferredFree)
    }
  }

  @Test func freeOldest_ofEmptyList_returnsNil() {
    let list = list(limit: 10)
    #expect(list.freeOldest(reason: .normal) { _, _ in Issue.record("nothing waits") } == nil)
    #expect(list.drain(reason: .normal) { _, _ in Issue.record("nothing waits") } == .zero)
    #expect(list.scan(PageCount(1)) { _, _ in Issue.record("nothing waits") } == .stop)
    #expect(list.waitingPages == .zero)
    fixture.close()
  }

  @Test func freeOldest_freesInTheOrderOfArrival() throws {
    let list = list(limit: 100)
    let buffers = try [3, 1, 2].map { try buffer($0) }
    for buffer in buffers { #expect(list.append(buffer) == .queued) }
    #expect(list.waitingPages == PageCount(6))
    var freed: [TestBuffer] = []
    var waiting: [Int] = []
    for pages in [3, 1, 2] {
      let size = list.freeOldest(reason: .normal) { buffer, reason in
        #expect(reason == .normal)
        // What is just being freed does not wait any more.
        waiting.append(list.waitingPages.rawValue)
        freed.append(buffer)
        free(buffer)
      }
      #expect(size == PageCount(pages))
    }
    #expect(freed == buffers)
    #expect(waiting == [3, 2, 0])
    fixture.close()
  }

  @Test func append_overTheLimit_isRefusedAndLeavesNoTrace() throws {
    let list = list(limit: 4)
    let buffers = try [3, 2, 1].map { try buffer($0) }
    #expect(list.append(buffers[0]) == .queued)
    #expect(list.append(buffers[1]) == .refused)
    #expect(list.waitingPages == PageCount(3))
    #expect(list.append(buffers[2]) == .queued)
    #expect(list.waitingPages == PageCount(4))
    free(buffers[1])
    var freed: [TestBuffer] = []
    let pages = list.drain(reason: .underPressure) { buffer, reason in
      #expect(reason == .underPressure)
      freed.append(buffer)
      free(buffer)
    }
    #expect(pages == PageCount(4))
    #expect(freed == [buffers[0], buffers[2]])
    fixture.close()
  }

  @Test func append_withLimitZero_isAlwaysRefused() throws {
    let list = list(limit: 0)
    let buffer = try buffer(1)
    #expect(list.append(buffer) == .refused)
    #expect(list.workerMaySleep())
    #expect(list.append(buffer) == .refused)
    free(buffer)
    fixture.close()
  }

  /// The list asks for one wake-up per sleep, and lets nobody sleep while something waits.
  @Test func worker_isWokenOnlyWhenAsleep() throws {
    let list = list(limit: 100)
    let buffers = try (0..<4).map { _ in try buffer(1) }
    #expect(list.append(buffers[0]) == .queued)
    #expect(!list.workerMaySleep())
    #expect(list.append(buffers[1]) == .queued)
    #expect(list.drain(reason: .normal) { buffer, _ in free(buffer) } == PageCount(2))
    #expect(list.workerMaySleep())
    #expect(list.append(buffers[2]) == .queuedForSleepingWorker)
    #expect(list.append(buffers[3]) == .queued)
    #expect(!list.workerMaySleep())
    list.drain(reason: .normal) { buffer, _ in free(buffer) }
    #expect(list.workerMaySleep())
    #expect(list.workerMaySleep())
    fixture.close()
  }

  @Test func scan_freesTheOldestUntilEnoughIsFree() throws {
    let list = list(limit: 100)
    let buffers = try [2, 3, 4, 1].map { try buffer($0) }
    for buffer in buffers { _ = list.append(buffer) }
    var freed: [TestBuffer] = []
    let free: (TestBuffer, FreeReason) -> Void = { buffer, reason in
      #expect(reason == .underPressure)
      freed.append(buffer)
      self.free(buffer)
    }
    #expect(list.scan(.zero, free) == .stop)
    #expect(list.scan(PageCount(4), free) == .freed(PageCount(5)))
    #expect(freed == Array(buffers[..<2]))
    #expect(list.scan(PageCount(4), free) == .freed(PageCount(4)))
    #expect(list.scan(PageCount(4), free) == .freed(PageCount(1)))
    #expect(list.scan(PageCount(4), free) == .stop)
    #expect(freed == buffers)
    fixture.close()
  }

  /// Freeing one object may be what gives up another.
  @Test func free_thatAppends_isServedToo() throws {
    let list = list(limit: 100)
    let outer = try buffer(2)
    let inner = try buffer(1)
    _ = list.append(outer)
    var freed: [TestBuffer] = []
    let pages = list.drain(reason: .normal) { buffer, _ in
      freed.append(buffer)
      if buffer == outer { #expect(list.append(inner) == .queued) }
      free(buffer)
    }
    #expect(freed == [outer, inner])
    #expect(pages == PageCount(3))
    fixture.close()
  }

  /// Threads append, a worker sleeps and is woken, another thread scans: all is freed once, and no
  /// wake-up is lost.
  @Test(.timeLimit(.minutes(10)))
  func worker_underTraffic_freesEverything() throws {
    let list = list(limit: 64)
    let pool = try fixture.pool(1)
    let perThread = TestScale.isSanitized ? 500 : 5000
    let bell = Bell()
    let free: @Sendable (TestBuffer, FreeReason) -> Void = { buffer, _ in
      var chain = fixture.host.dismantle(buffer)
      while let block = chain.pop(in: fixture.host) {
        fixture.set.release(block, from: .deferredFree)
      }
    }
    let worker = TestThread {
      while true {
        while list.freeOldest(reason: .normal, free) != nil {}
        if bell.isStopping { break }
        if list.workerMaySleep() { bell.wait() }
      }
    }
    TestThread.run(3) { thread in
      for turn in 0..<perThread {
        guard let block = try? fixture.set.allocate(for: pool, effort: .full) else { continue }
        fixture.set.deferPages(PageCount(1))
        let buffer = fixture.host.makeBuffer(block)
        switch list.append(buffer) {
        case .queued: break
        case .queuedForSleepingWorker: bell.ring()
        case .refused: free(buffer, .normal)
        }
        if thread == 0, turn % 16 == 0 { _ = list.scan(PageCount(2), free) }
      }
    }
    // Without a lost wake-up the worker comes to the end of the list by itself.
    while list.waitingPages > .zero { yieldToOthers() }
    bell.stop()
    worker.join()
    #expect(list.waitingPages == .zero)
    fixture.close()
  }
}
