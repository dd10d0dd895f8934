// SPDX-License-Identifier: MIT

import DMAHeaps
import Glibc
import HeapFramework
import LinuxHost
import PagePools
import Synchronization
import Testing

/// Every step of every allocation fails once; nothing is lost, and the next request succeeds.
@Suite(.serialized)
struct FaultTests {
  /// Lets the n-th injected operation fail and counts what it sees.
  private final class Injector: Sendable {
    /// Operations until the failing one; negative when none is to fail.
    let countdown = Atomic<Int>(-1)
    let errorNumber: Int32
    let only: HostOperation?

    init(errorNumber: Int32, only: HostOperation? = nil) {
      self.errorNumber = errorNumber
      self.only = only
    }

    var plan: FaultPlan {
      FaultPlan { operation in
        guard self.only == nil || self.only == operation,
          self.countdown.load(ordering: .relaxed) >= 0
        else { return nil }
        let before = self.countdown.subtract(1, ordering: .relaxed).oldValue
        return before == 0 ? self.errorNumber : nil
      }
    }

    /// Whether the failure that was ordered has happened.
    var hasFired: Bool { countdown.load(ordering: .relaxed) < 0 }
  }

  private enum Request: String, CaseIterable, Sendable {
    case smallBuffer, largeBuffer, smallDescriptor, largeDescriptor, smallExport, largeExport

    func perform(_ heap: Heap) throws(HeapError) {
      switch self {
      case .smallBuffer: _ = try heap.allocate(byteCount: 8192)
      case .largeBuffer: _ = try heap.allocate(byteCount: 1 << 20)
      case .smallDescriptor: _ = try heap.allocateDescriptor(byteCount: 8192)
      case .largeDescriptor: _ = try heap.allocateDescriptor(byteCount: 17 * 4096)
      case .smallExport:
        var buffer = try heap.allocate(byteCount: 8192)
        _ = try buffer.exportDescriptor()
      case .largeExport:
        var buffer = try heap.allocate(byteCount: 17 * 4096)
        _ = try buffer.exportDescriptor()
      }
    }
  }

  /// A failure that memory cannot relieve reaches the caller from every step.
  @Test(arguments: Request.allCases)
  private func everyStepFailsOnce(request: Request) throws {
    let injector = Injector(errorNumber: EIO)
    try withSystem(followsDemand: false, faults: injector.plan) { system, heap in
      var step = 0
      var failures = 0
      while true {
        // From an empty pool each time, so that every step is taken.
        #expect(waitUntil { system.statistics().inBuffersByteCount == 0 })
        #expect(
          waitUntil {
            system.reclaim()
            return system.statistics().takenByteCount == 0
          })
        injector.countdown.store(step, ordering: .relaxed)
        do throws(HeapError) {
          try request.perform(heap)
        } catch {
          failures += 1
          #expect(error.errorNumber == EIO, "\(error)")
        }
        guard injector.hasFired else { break }
        #expect(failures == step + 1, "step \(step) failed without an error")
        system.memory.pools.checkInvariants()
        step += 1
      }
      injector.countdown.store(-1, ordering: .relaxed)
      #expect(step >= 2, "no step was seen to fail")
      try request.perform(heap)
    }
  }

  /// A shortage makes the heap give back what it has and try once more (D6).
  @Test(arguments: Request.allCases)
  private func shortageOnce_isOvercome(request: Request) throws {
    let injector = Injector(errorNumber: ENOMEM, only: .reserve)
    try withSystem(followsDemand: false, faults: injector.plan) { system, heap in
      // Something to give back: a pooled block of another size.
      _ = try heap.allocate(byteCount: 2 << 20)
      #expect(waitUntil { system.statistics().pooledByteCount == 2 << 20 })
      injector.countdown.store(0, ordering: .relaxed)
      try request.perform(heap)
      #expect(injector.hasFired)
      #expect(system.statistics().pooledByteCount < 2 << 20 || request == .smallExport)
    }
  }

  /// A file that was made to leave at once, and could not, waits for nobody else: its number was not looked at, and
  /// could be another file's by then.
  @Test
  func madeToLeave_refused_isNotPooled() throws {
    let injector = Injector(errorNumber: EIO, only: .reopen)
    try withSystem(followsDemand: false, faults: injector.plan) { system, heap in
      injector.countdown.store(0, ordering: .relaxed)
      #expect(throws: HeapError.self) { _ = try heap.allocateDescriptor(byteCount: 8192) }
      #expect(injector.hasFired)
      #expect(system.statistics().takenByteCount == 0)
    }
  }

  /// Whatever fails at the start, no thread and no descriptor is left.
  @Test
  func startFailsAtEveryStep_leavesNothing() async {
    await #expect(processExitsWith: .success) {
      let leak = try leakPerRound {
        for recycling in [HeapSystem.Recycling.never, .inPlace] {
          var configuration = HeapSystem.Configuration()
          configuration.recycling = recycling
          var step = 0
          while true {
            let injector = Injector(errorNumber: EMFILE)
            injector.countdown.store(step, ordering: .relaxed)
            do throws(HeapError) {
              _ = try HeapSystem(configuration, faults: injector.plan)
            } catch {
              #expect(error.errorNumber == EMFILE)
            }
            guard injector.hasFired else { break }
            step += 1
          }
          #expect(step >= (recycling == .never ? 1 : 4))
        }
      }
      #expect(leak == Possessions())
    }
  }

  /// Descriptors and mappings in = out, for a whole life of a system with everything in it.
  @Test
  func aSystemsLife_leavesNoDescriptorMappingOrThread() async {
    await #expect(processExitsWith: .success) {
      let leak = try leakPerRound {
        let system = try HeapSystem()
        let heap = try system.heap(named: "system")
        for byteCount in [4096, 40960, 65536, 1 << 20] {
          var buffer = try heap.allocate(byteCount: byteCount)
          buffer.fill(1)
          let exported = try buffer.exportDescriptor()
          let other = try heap.allocateDescriptor(byteCount: byteCount)
          let mapping = try ClientMapping(other.rawValue, byteCount: byteCount)
          mapping.fill(2)
          _ = consume exported
        }
      }
      #expect(leak == Possessions())
      #expect(heapMappingCount() == 0)
    }
  }

  /// While the worker does nothing, callers free for it: the backlog keeps its limit and nothing fails.
  @Test
  func stuckWorker_isHelped() throws {
    let isStuck = Atomic<Bool>(true)
    let plan = FaultPlan(delayWorker: {
      while isStuck.load(ordering: .relaxed) { usleep(100) }
    })
    try withSystem(deferredLimit: 4 << 20, faults: plan) { system, heap in
      for _ in 0..<40 {
        var buffer = try heap.allocate(byteCount: 1 << 20)
        let isZero = buffer.isZero
        #expect(isZero)
        buffer.fill(3)
        _ = consume buffer
        #expect(system.memory.deferred.waitingPages <= system.memory.deferred.limit)
      }
      // Five blocks circulate: four that wait, and the one in use.
      #expect(system.statistics().takenByteCount <= 6 << 20)
      isStuck.store(false, ordering: .relaxed)
      #expect(waitUntil { system.statistics().waitingByteCount == 0 })
    }
  }
}
