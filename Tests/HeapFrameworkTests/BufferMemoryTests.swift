// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// The ways freed memory takes (S2, S4, D2, D5).
struct BufferMemoryTests {
  /// Buffers of up to 4 pages are small; up to 40 pages may wait.
  let fixture = HeapFixture(deferredLimit: 40, inlineFreeLimit: 4)

  @Test func free_unwritten_poolsWithoutZeroing() throws {
    let heap = try fixture.systemHeap()
    for pages in [1, 4, 5, 300] {
      let buffer = try fixture.buffer(pages, of: heap)
      let events = fixture.host.logging {
        heap.free(buffer, mayBeWritten: false)
      }
      #expect(events.isEmpty)
      #expect(fixture.check().inBuffers == .zero)
      #expect(fixture.check().deferred == .zero)
    }
    fixture.close(heap)
  }

  @Test func free_smallWritten_zeroesEachBlockOnceAtOnce() throws {
    let heap = try fixture.systemHeap()
    let buffer = try fixture.buffer(4, of: heap)
    fixture.host.write(buffer)
    let events = fixture.host.logging { heap.free(buffer, mayBeWritten: true) }
    #expect(events == Array(repeating: .zeroed(1), count: 4))
    #expect(fixture.check().pooled == PageCount(4))
    // The fixture looks whether they are zero.
    let again = try fixture.buffer(4, of: heap)
    #expect(heap.counters.total().poolMisses == 4)
    heap.free(again, mayBeWritten: false)
    fixture.close(heap)
  }

  @Test func free_largeWritten_waitsForTheWorker() throws {
    let heap = try fixture.systemHeap()
    let buffer = try fixture.buffer(37, of: heap)
    fixture.host.write(buffer)
    let events = fixture.host.logging { heap.free(buffer, mayBeWritten: true) }
    #expect(events.isEmpty)
    #expect(fixture.check().deferred == PageCount(37))
    #expect(fixture.check().inBuffers == .zero)
    let turn = fixture.host.logging { #expect(fixture.memory.freeOldestDeferred()) }
    #expect(turn == [.zeroed(16), .zeroed(16)] + Array(repeating: .zeroed(1), count: 5))
    #expect(fixture.check().pooled == PageCount(37))
    #expect(!fixture.memory.freeOldestDeferred())
    heap.free(try fixture.buffer(37, of: heap), mayBeWritten: false)
    #expect(heap.counters.total().poolMisses == 7)
    fixture.close(heap)
  }

  @Test func free_atTheInlineLimit_doesNotWait() throws {
    let heap = try fixture.systemHeap()
    for (pages, waiting) in [(4, 0), (5, 5)] {
      let buffer = try fixture.buffer(pages, of: heap)
      heap.free(buffer, mayBeWritten: true)
      #expect(fixture.memory.deferred.waitingPages == PageCount(waiting))
    }
    #expect(fixture.memory.freeOldestDeferred())
    fixture.close(heap)
  }

  @Test func free_ofSmallBufferByTheWatcher_waitsAllTheSame() throws {
    let heap = try fixture.systemHeap()
    heap.free(try fixture.buffer(1, of: heap), mayBeWritten: true, by: .watcher)
    #expect(fixture.check().deferred == PageCount(1))
    #expect(fixture.memory.freeOldestDeferred())
    fixture.close(heap)
  }

  @Test func free_wakesTheWorkerOnlyWhenItSleeps() throws {
    let heap = try fixture.systemHeap()
    let sizes = [5, 6, 7]
    let buffers = try sizes.map { try fixture.buffer($0, of: heap) }
    heap.free(buffers[0], mayBeWritten: true)
    #expect(fixture.host.counts.wakes == 0)
    #expect(fixture.memory.freeOldestDeferred())
    #expect(fixture.memory.deferred.workerMaySleep())
    heap.free(buffers[1], mayBeWritten: true)
    #expect(fixture.host.counts.wakes == 1)
    heap.free(buffers[2], mayBeWritten: true)
    #expect(fixture.host.counts.wakes == 1)
    fixture.freeAllDeferred()
    fixture.close(heap)
  }

  /// D5: the thread that frees does the work itself.
  @Test func free_overTheBacklogLimit_zeroesAtOnce() throws {
    let heap = try fixture.systemHeap()
    let first = try fixture.buffer(32, of: heap)
    let second = try fixture.buffer(9, of: heap)
    let third = try fixture.buffer(8, of: heap)
    heap.free(first, mayBeWritten: true)
    fixture.host.write(second)
    let events = fixture.host.logging { heap.free(second, mayBeWritten: true) }
    #expect(events == Array(repeating: .zeroed(1), count: 9))
    #expect(fixture.check().deferred == PageCount(32))
    #expect(fixture.check().pooled == PageCount(9))
    heap.free(third, mayBeWritten: true)
    #expect(fixture.check().deferred == PageCount(40))
    fixture.freeAllDeferred()
    fixture.close(heap)
  }

  /// A caller that finds its pool empty while much waits zeroes the oldest instead of growing.
  @Test func allocate_withALargeBacklog_helpsTheWorker() throws {
    let heap = try fixture.singleBlockHeap()
    let buffers = try (0..<5).map { _ in try fixture.buffer(8, of: heap) }
    for (index, buffer) in buffers.enumerated() {
      #expect(fixture.memory.deferred.waitingPages == PageCount(8 * index))
      fixture.host.write(buffer)
      heap.free(buffer, mayBeWritten: true)
    }
    // Forty pages wait, five times what is asked for: one block is zeroed, none is allocated.
    var again: TestBuffer?
    let events = try fixture.host.logging { again = try fixture.buffer(8, of: heap) }
    #expect(events == [.zeroed(8)])
    #expect(fixture.check().deferred == PageCount(32))
    // Four times is still enough; then the worker is left in peace, and the source is asked.
    var third: TestBuffer?
    var fourth: TestBuffer?
    #expect(try fixture.host.logging { third = try fixture.buffer(8, of: heap) } == [.zeroed(8)])
    #expect(
      try fixture.host.logging { fourth = try fixture.buffer(8, of: heap) }
        == [.allocated(8, .full)])
    #expect(heap.counters.total().poolMisses == 6)
    for buffer in try [again, third, fourth].map({ try #require($0) }) {
      heap.free(buffer, mayBeWritten: false)
    }
    fixture.freeAllDeferred()
    fixture.close(heap)
  }

  /// The bound on helping: as much as is asked for, whatever it is that waits.
  @Test func allocate_helping_stopsAfterAsMuchAsItWants() throws {
    let heap = try fixture.singleBlockHeap()
    let buffers = try (0..<7).map { _ in try fixture.buffer(5, of: heap) }
    for buffer in buffers { heap.free(buffer, mayBeWritten: true) }
    #expect(fixture.check().deferred == PageCount(35))
    var large: TestBuffer?
    let events = try fixture.host.logging { large = try fixture.buffer(8, of: heap) }
    #expect(events == [.zeroed(5), .allocated(8, .full)])
    heap.free(try #require(large), mayBeWritten: false)
    fixture.freeAllDeferred()
    fixture.close(heap)
  }

  /// Where callers do not help, the backlog's limit is what slows a program down: whoever frees over it zeroes.
  @Test func allocate_whereCallersNeverHelp_getsNewMemory() throws {
    let fixture = HeapFixture(deferredLimit: 16, helpingThreshold: nil)
    let heap = try fixture.singleBlockHeap()
    let buffers = try (0..<3).map { _ in try fixture.buffer(8, of: heap) }
    for buffer in buffers.prefix(2) { heap.free(buffer, mayBeWritten: true) }
    var next: TestBuffer?
    #expect(
      try fixture.host.logging { next = try fixture.buffer(8, of: heap) } == [.allocated(8, .full)])
    #expect(fixture.host.logging { heap.free(buffers[2], mayBeWritten: true) } == [.zeroed(8)])
    heap.free(try #require(next), mayBeWritten: false)
    fixture.freeAllDeferred()
    fixture.close(heap)
  }

  /// D2: under pressure nothing is zeroed, pooled or allocated.
  @Test func freeDeferred_releasesTheOldestToTheSource() throws {
    let heap = try fixture.systemHeap()
    #expect(fixture.memory.freeDeferred(PageCount(1)) == .zero)
    for buffer in try [16, 6, 5].map({ try fixture.buffer($0, of: heap) }) {
      fixture.host.write(buffer)
      heap.free(buffer, mayBeWritten: true)
    }
    #expect(fixture.memory.deferred.waitingPages == PageCount(27))
    let events = fixture.host.logging {
      fixture.host.forbiddingAllocation {
        #expect(fixture.memory.freeDeferred(PageCount(17)) == PageCount(17))
      }
    }
    // One block more of the buffer of 6 pages, not all of it.
    #expect(events == [.released(16), .released(1)])
    #expect(fixture.check().pooled == .zero)
    #expect(fixture.memory.deferred.waitingPages == PageCount(10))
    #expect(fixture.memory.freeOldestDeferred())
    fixture.close(heap)
  }

  @Test func reclaim_takesWaitingBuffersBeforePools() throws {
    let heap = try fixture.systemHeap()
    let waiting = try fixture.buffer(6, of: heap)
    let pooled = try fixture.buffer(32, of: heap)
    heap.free(waiting, mayBeWritten: true)
    heap.free(pooled, mayBeWritten: false)
    #expect(fixture.memory.reclaim(.zero) == .zero)
    #expect(fixture.memory.reclaim(PageCount(6)) == PageCount(6))
    #expect(fixture.check().pooled == PageCount(32))
    #expect(fixture.memory.reclaim(PageCount(1)) == PageCount(16))
    let rest = fixture.host.forbiddingAllocation { fixture.memory.reclaimAll() }
    #expect(rest == PageCount(16))
    #expect(fixture.memory.reclaimAll() == .zero)
    #expect(fixture.host.counts.liveBlocks == 0)
    fixture.close(heap)
  }

  @Test func withReclaim_makesThreeAttemptsAtMost() throws {
    // Four blocks of a page, which is twice what each round gives back.
    let heap = try fixture.systemHeap()
    heap.free(try fixture.buffer(4, of: heap), mayBeWritten: false)
    var attempts = 0
    for (failure, attemptCount, left) in [
      (TestFailure.outOfMemory, 3, 2), (.outOfMemory, 3, 0), (.outOfMemory, 1, 0),
      (.interrupted, 1, 0), (.impossible, 1, 0),
    ] {
      attempts = 0
      #expect(throws: failure) {
        try fixture.memory.withReclaim(PageCount(1), .test()) { () throws(TestFailure) in
          attempts += 1
          throw failure
        }
      }
      #expect(attempts == attemptCount)
      #expect(fixture.check().pooled == PageCount(left))
    }
    fixture.close(heap)
  }

  /// H6, with everything going on at once: what is handed out is zero, and in the end all is back.
  @Test(.timeLimit(.minutes(10)))
  func heaps_underTraffic_handOutZeroesOnly() throws {
    let system = try fixture.systemHeap()
    let contiguous = try fixture.singleBlockHeap(largest: 16)
    fixture.pools.setLimit(PageCount(200))
    fixture.host.failAbove(livePages: 600)
    let turns = TestScale.isSanitized ? 300 : 3000
    let seeds = SeededGenerator(for: "heaps_underTraffic_handOutZeroesOnly")
    let isDone = Gate()
    let worker = TestThread {
      while !isDone.isOpen {
        fixture.freeAllDeferred()
        fixture.pools.checkInvariants()
        yieldToOthers()
      }
    }
    TestThread.run(3) { thread in
      var random = seeds
      for _ in 0..<thread { _ = random.next() }
      random = SeededGenerator(seed: random.next())
      fixture.host.onShard(thread) {
        for _ in 0..<turns {
          let isSystem = random.oneIn(2)
          let pages = 1 + random.below(isSystem ? 64 : 16)
          let made: TestBuffer? =
            isSystem
            ? try? fixture.buffer(pages, of: system) : try? fixture.buffer(pages, of: contiguous)
          guard let buffer = made else { continue }
          let isWritten = !random.oneIn(4)
          if isWritten { fixture.host.write(buffer) }
          if isSystem {
            system.free(buffer, mayBeWritten: isWritten)
          } else {
            contiguous.free(buffer, mayBeWritten: isWritten)
          }
          if random.oneIn(32) { fixture.memory.reclaim(PageCount(random.below(64))) }
        }
      }
    }
    isDone.open()
    worker.join()
    fixture.freeAllDeferred()
    #expect(contiguous.counters.total().liveBuffers == 0)
    fixture.close(system, contiguous)
  }

  /// What waits comes first; the worker rests when there is nothing to fill, and is woken once for each
  /// shortage (P9).
  @Test func workerTurn_freesBeforeItFills() throws {
    let heap = try fixture.systemHeap()
    let marks = try #require(Watermarks(low: 1, high: 2))
    #expect(try !heap.setWatermarks(marks, of: Order(3)))
    #expect(fixture.host.counts.wakes == 0)
    #expect(try heap.setWatermarks(marks, of: Order(4)))
    #expect(fixture.host.counts.wakes == 1)
    let buffer = try fixture.buffer(37, of: heap)
    fixture.host.write(buffer)
    heap.free(buffer, mayBeWritten: true)
    var pace = fixture.pace(pause: 100)
    var events = fixture.host.logging {
      #expect(fixture.memory.workerTurn(&pace, now: 0) == .worked)
    }
    #expect(events == [.zeroed(16), .zeroed(16)] + Array(repeating: .zeroed(1), count: 5))
    events = fixture.host.logging {
      #expect(fixture.memory.workerTurn(&pace, now: 0) == .mayRest(until: nil))
    }
    #expect(events.isEmpty, "two blocks of 16 pages are there")

    let wakes = fixture.host.counts.wakes
    let others = try (0..<3).map { _ in try fixture.buffer(16, of: heap) }
    #expect(fixture.host.counts.wakes == wakes + 1)
    #expect(fixture.memory.workerTurn(&pace, now: 0) == .worked)
    #expect(fixture.memory.workerTurn(&pace, now: 0) == .worked)
    #expect(fixture.memory.workerTurn(&pace, now: 0) == .mayRest(until: nil))
    #expect(fixture.memory.reclaim(PageCount(1)) == PageCount(16))
    #expect(fixture.host.counts.wakes == wakes + 2, "the shrinker tells, too")
    fixture.memory.reclaimAll()
    #expect(fixture.memory.workerTurn(&pace, now: 50) == .mayRest(until: 150))
    #expect(fixture.memory.workerTurn(&pace, now: 150) == .worked)
    #expect(try heap.setWatermarks(.none, of: Order(4)))
    for buffer in others { heap.free(buffer, mayBeWritten: false) }
    fixture.close(heap)
  }

  /// Whoever frees the first memory wakes a worker that sleeps for good, by whichever way it is freed; the worker
  /// rests until the next of its deadlines (U2).
  @Test(arguments: [false, true])
  func workerTurn_letsIdleMemoryDecay(isWritten: Bool) throws {
    let heap = try fixture.singleBlockHeap()
    var refill = fixture.pace(pause: 1_000)
    var decay = DecayPace(interval: 100, poolCapacity: fixture.pools.poolCapacity)
    #expect(fixture.memory.workerTurn(&refill, &decay, now: 0) == .mayRest(until: nil))
    for _ in 0..<2 {
      let buffer = try fixture.buffer(2, of: heap)
      if isWritten { fixture.host.write(buffer) }
      heap.free(buffer, mayBeWritten: isWritten)
      #expect(fixture.host.counts.wakes == 1)
    }
    #expect(fixture.memory.workerTurn(&refill, &decay, now: 5) == .mayRest(until: 105))
    // A shortage that cannot be overcome is looked at again sooner or later than that.
    try heap.setWatermarks(try #require(Watermarks(low: 1, high: 1)), holding: PageCount(8))
    fixture.host.failWhere { _ in .outOfMemory }
    #expect(fixture.memory.workerTurn(&refill, &decay, now: 5) == .mayRest(until: 105))
    #expect(fixture.memory.workerTurn(&refill, &decay, now: 105) == .worked)
    #expect(fixture.memory.workerTurn(&refill, &decay, now: 105) == .worked)
    #expect(fixture.pools.accounts() == PageAccounts())
    #expect(fixture.memory.workerTurn(&refill, &decay, now: 105) == .mayRest(until: 1_005))
    fixture.host.failWhere(nil)
    try heap.setWatermarks(.none, holding: PageCount(8))
    fixture.close(heap)
  }

  /// Under pressure what waits goes back unzeroed, before what is pooled; floors stay (U2).
  @Test func relievePressure_takesWhatWaits_thenWhatIsPooled() throws {
    let heap = try fixture.singleBlockHeap()
    let buffers = [try fixture.buffer(8, of: heap), try fixture.buffer(16, of: heap)]
    let pooled = try (0..<2).map { _ in try fixture.buffer(2, of: heap) }
    for buffer in pooled { heap.free(buffer, mayBeWritten: false) }
    for buffer in buffers {
      fixture.host.write(buffer)
      heap.free(buffer, mayBeWritten: true)
    }
    try heap.setWatermarks(
      try #require(Watermarks(low: 1, high: 1, isFloor: true)), holding: PageCount(2))
    let events = fixture.host.logging {
      #expect(fixture.memory.relievePressure() == PageCount(26))
    }
    #expect(events == [.released(8), .released(16), .released(2)])
    #expect(fixture.check().pooled == PageCount(2))
    #expect(fixture.memory.relievePressure() == .zero)
    try heap.setWatermarks(.none, holding: PageCount(2))
    #expect(fixture.memory.relievePressure() == PageCount(2))
    fixture.close(heap)
  }
}
