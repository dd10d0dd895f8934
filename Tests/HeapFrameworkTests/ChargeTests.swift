// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// Buffers are charged to whoever asks, before any memory is taken (A3).
struct ChargeTests {
  let fixture = HeapFixture()

  @Test func charge_isWhatTheBufferTakesUp() throws {
    let system = try fixture.systemHeap()
    let contiguous = try fixture.singleBlockHeap()
    let first = try fixture.buffer(17, of: system)
    #expect(fixture.host.counts.chargedPages == 17)
    // Nine pages come as ten.
    let second = try fixture.buffer(9, of: contiguous)
    #expect(fixture.host.counts.chargedPages == 27)
    let (block, owner, _) = try contiguous.allocateBlock(PageCount(9))
    #expect(fixture.host.counts.chargedPages == 37)
    #expect(Set([first.owner, second.owner, owner]).count == 3)
    // What waits or is pooled is charged to nobody.
    fixture.host.write(first)
    system.free(first, mayBeWritten: true)
    #expect(fixture.check().deferred == PageCount(17))
    #expect(fixture.host.counts.chargedPages == 20)
    contiguous.free(second, mayBeWritten: false)
    contiguous.free(fixture.buffer(block, owner), mayBeWritten: false)
    fixture.freeAllDeferred()
    fixture.close(system, contiguous)
  }

  /// Nothing is asked of the source or the pools, nothing is given back to help, nothing is left.
  @Test func charge_refused_takesNothing() throws {
    let system = try fixture.systemHeap()
    let contiguous = try fixture.singleBlockHeap()
    system.free(try fixture.buffer(300, of: system), mayBeWritten: false)
    let held = try fixture.buffer(5, of: contiguous)
    fixture.host.limitCharges(to: 14)
    let before = fixture.check()
    let events = fixture.host.logging {
      #expect(throws: TestFailure.chargeRefused) { try system.allocate(PageCount(10)) }
      #expect(throws: TestFailure.chargeRefused) { try contiguous.allocate(PageCount(9)) }
      #expect(throws: TestFailure.chargeRefused) { try contiguous.allocateBlock(PageCount(9)) }
    }
    #expect(events.isEmpty)
    #expect(fixture.check() == before)
    #expect(system.counters.total().failures == 1)
    #expect(contiguous.counters.total().failures == 2)
    #expect(system.counters.total().allocations == 1)
    // Nine pages more are within the limit, also where the block is refused for its class.
    system.free(try fixture.buffer(9, of: system), mayBeWritten: false)
    contiguous.free(held, mayBeWritten: false)
    fixture.host.limitCharges(to: 0)
    #expect(throws: TestFailure.chargeRefused) { try system.allocate(PageCount(1)) }
    fixture.close(system, contiguous)
  }

  /// More than the largest buffer is charged to nobody.
  @Test func tooLarge_isNotCharged() throws {
    let contiguous = try fixture.singleBlockHeap()
    #expect(throws: TestFailure.self) { try contiguous.allocate(PageCount(65)) }
    #expect(throws: TestFailure.self) { try contiguous.allocateBlock(PageCount(65)) }
    #expect(fixture.host.counts.charges == 0)
    #expect(contiguous.counters.total().failures == 2)
    fixture.close(contiguous)
  }

  @Test(arguments: [TestFailure.outOfMemory, .interrupted, .impossible])
  func charge_isTakenBackWhereMemoryFails(_ failure: TestFailure) throws {
    let system = try fixture.systemHeap()
    let contiguous = try fixture.singleBlockHeap()
    fixture.host.failWhere { $0.number >= 3 && $0.effort == .full ? failure : nil }
    #expect(throws: failure) { try system.allocate(PageCount(6)) }
    #expect(fixture.check().inBuffers == .zero)
    #expect(throws: failure) { try contiguous.allocate(PageCount(6)) }
    #expect(throws: failure) { try contiguous.allocateBlock(PageCount(6)) }
    #expect(fixture.host.counts.charges == 3)
    #expect(fixture.host.counts.chargedPages == 0)
    fixture.close(system, contiguous)
  }

  /// Whatever happens to requests, what is charged is what buffers hold.
  @Test(.timeLimit(.minutes(20)))
  func charges_inARandomRun_balance() throws {
    var random = SeededGenerator(for: "charges_inARandomRun_balance")
    let heaps: [BufferHeap<TestHost>] = [
      try fixture.systemHeap(orders: [Order(3), Order(1), Order(0)]),
      try fixture.singleBlockHeap(.test(1), largest: 40),
      try fixture.singleBlockHeap(.test(2, keeping: .returnedAtOnce), largest: 9),
    ]
    fixture.host.limitCharges(to: 300)
    var held: [(heap: Int, buffer: TestBuffer)] = []
    for _ in 0..<(TestScale.operations / 50) {
      if random.oneIn(2), !held.isEmpty {
        let (heap, buffer) = held.remove(at: random.below(held.count))
        let isWritten = random.oneIn(2)
        if isWritten { fixture.host.write(buffer) }
        let thread = [FreeingThread.user, .watcher, .bystander][random.below(3)]
        heaps[heap].free(buffer, mayBeWritten: isWritten, by: thread)
      } else {
        let heap = random.below(heaps.count)
        if random.oneIn(4) {
          let failure = [TestFailure.outOfMemory, .interrupted, .missing(9)][random.below(3)]
          fixture.host.failAllocation(1 + random.below(4), with: failure)
        }
        if random.oneIn(8) { fixture.host.killCaller(after: random.below(4)) }
        if let buffer = try? heaps[heap].allocate(PageCount(1 + random.below(44))) {
          held.append((heap, buffer))
        }
        fixture.host.failWhere(nil)
        fixture.host.killCaller(after: nil)
      }
      if random.oneIn(8) { _ = fixture.memory.freeOldestDeferred() }
      fixture.check()
    }
    for (heap, buffer) in held { heaps[heap].free(buffer, mayBeWritten: true) }
    fixture.freeAllDeferred()
    fixture.close(heaps[0], heaps[1], heaps[2])
  }
}
