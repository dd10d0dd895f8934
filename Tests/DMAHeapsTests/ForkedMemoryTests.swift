// SPDX-License-Identifier: MIT

import CTestSupport
import DMAHeaps
import Glibc
import HeapFramework
import LinuxHost
import PagePools
import Synchronization
import TestSupport
import Testing

/// What a forked child has of its parent's memory: nothing but what was handed out.
@Suite(.serialized)
struct ForkedMemoryTests {
  /// Descriptors of the library's files in this process.
  private static func fileCount() -> Int { Int(test_count_memfds("dmaheap")) }

  /// Those, and the mappings of such files.
  private static func memoryCount() -> Int32 {
    test_count_memfds("dmaheap") + test_count_mappings("dmaheap")
  }

  private final class Context {
    let handedOut: Int32
    init(_ handedOut: Int32) { self.handedOut = handedOut }
  }

  @Test(arguments: [false, true])
  func child_keepsWhatWasHandedOut_alone(isRecycling: Bool) async {
    await #expect(processExitsWith: .success) { [isRecycling] in
      var configuration = HeapSystem.Configuration()
      configuration.recycling = isRecycling ? .inPlace : .never
      // What is ready stays so, whatever the machine is short of.
      configuration.heedsMemoryPressure = false
      configuration.decayInterval = nil
      let system = try HeapSystem(configuration)
      let heap = try system.heap(named: "system")
      try heap.keepReady(low: 2, high: 2, byteCount: 1 << 20)
      try heap.keepReady(low: 2, high: 2, byteCount: 65536, for: .descriptors)
      #expect(waitUntil { system.statistics().pooledByteCount == (2 << 20) + (2 << 16) })
      var live = try heap.allocate(byteCount: 4 << 20)
      live.fill(1)
      let descriptor = try heap.allocateDescriptor(byteCount: 4096)
      #expect(Self.fileCount() >= 6)
      let context = Context(descriptor.rawValue)
      let child = test_fork(
        { context in
          guard let context else { return 1 }
          let handedOut = Unmanaged<Context>.fromOpaque(context).takeUnretainedValue().handedOut
          guard ForkedMemoryTests.fileCount() == 1 else { return 2 }
          return lseek(handedOut, 0, SEEK_END) == 4096 ? 0 : 3
        }, Unmanaged.passUnretained(context).toOpaque())
      #expect(test_wait(child) == 0)
      // The parent's are as they were.
      #expect(Self.fileCount() >= 6)
      let isWhole = live.withUnsafeBytes { bytes in bytes.allSatisfy { $0 == 1 } }
      #expect(isWhole)
    }
  }

  /// Between any two steps of what is asked for, nothing has been handed out yet.
  @Test func childForkedAtAnyStep_hasNothing() async {
    await #expect(processExitsWith: .success) {
      let stepCount = Atomic(0)
      let most = Atomic(0)
      let plan = FaultPlan { _ in
        let child = test_fork({ _ in ForkedMemoryTests.memoryCount() }, nil)
        most.max(Int(test_wait(child)), ordering: .relaxed)
        stepCount.add(1, ordering: .relaxed)
        return nil
      }
      for recycling in [HeapSystem.Recycling.never, .inPlace] {
        try withSystem(recycling: recycling, followsDemand: false, faults: plan) { _, heap in
          for byteCount in [4096, 1 << 20, 5 << 20] {
            let before = stepCount.load(ordering: .relaxed)
            _ = try heap.allocate(byteCount: byteCount)
            _ = try heap.allocateDescriptor(byteCount: byteCount)
            #expect(stepCount.load(ordering: .relaxed) >= before + 5)
          }
        }
      }
      #expect(most.load(ordering: .relaxed) == 0)
    }
  }

  /// Whatever threads of the parent are doing with files: making them, closing them.
  @Test func childForkedAtAnyMoment_hasNothing() async {
    await #expect(processExitsWith: .success) {
      var configuration = HeapSystem.Configuration()
      configuration.poolLimitByteCount = 0
      let system = try HeapSystem(configuration)
      let isOver = Atomic(false)
      let workingCount = Atomic(0)
      let threads = [4096, 64 << 10, 256 << 10].map { byteCount in
        TestThread {
          guard let heap = try? system.heap(named: "system") else { return }
          workingCount.add(1, ordering: .relaxed)
          while !isOver.load(ordering: .relaxed) {
            do {
              _ = try heap.allocate(byteCount: byteCount)
            } catch {
              Issue.record("\(error)")
              return
            }
          }
        }
      }
      while workingCount.load(ordering: .relaxed) < threads.count { sched_yield() }
      var inChildren = 0
      for _ in 0..<1000 {
        let child = test_fork({ _ in ForkedMemoryTests.memoryCount() }, nil)
        inChildren += Int(test_wait(child))
      }
      isOver.store(true, ordering: .relaxed)
      for thread in threads { thread.join() }
      #expect(inChildren == 0)
    }
  }

  /// After setuid(2) no lease is granted: what comes back is given up, not lost, and nothing spins.
  @Test func setuid_nothingIsLost() async {
    await #expect(processExitsWith: .success) {
      guard getuid() == 0 else { return }
      var configuration = HeapSystem.Configuration()
      configuration.recycling = .inPlace
      let system = try HeapSystem(configuration)
      let heap = try system.heap(named: "system")
      let before = try heap.allocateDescriptor(byteCount: 1 << 20)
      try #require(setuid(65534) == 0)
      _ = consume before
      #expect(waitUntil { system.statistics().inBuffersByteCount == 0 })
      for _ in 0..<4 {
        let descriptor = try heap.allocateDescriptor(byteCount: 1 << 20)
        let mapping = try ClientMapping(descriptor.rawValue, byteCount: 1 << 20)
        #expect(mapping.isZero)
        mapping.fill(1)
      }
      #expect(waitUntil { system.statistics().inBuffersByteCount == 0 })
      #expect(system.memory.pools.checkInvariants().isBalanced)
      // No leak checker can attach to a process that has changed its user; what it then guesses is wrong.
      _exit(EXIT_SUCCESS)
    }
  }
}
