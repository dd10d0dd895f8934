// SPDX-License-Identifier: MIT

import DMAHeaps
import Glibc
import LinuxHost
import PagePools
import Synchronization
import TestSupport
import Testing

/// Everything that clients do, from four threads at once and from a task that waits for its memory: no byte is
/// another's, and in the end every page, descriptor and mapping is back.
@Suite(.serialized)
struct StressTests {
  /// How long the threads go on: `DMAHEAP_STRESS_SECONDS`, or two seconds.
  private static var duration: Int64 {
    let asked = environmentNumber("DMAHEAP_STRESS_SECONDS").flatMap(Int64.init(exactly:))
    return (asked ?? 2) * 1_000_000_000
  }

  @Test(arguments: [true, false])
  func fourThreads_doEverything(isRecycling: Bool) async {
    let result = await #expect(
      processExitsWith: .success,
      observing: [\.standardOutputContent]
    ) { [isRecycling] in
      var configuration = HeapSystem.Configuration()
      configuration.recycling = isRecycling ? .inPlace : .never
      configuration.poolLimitByteCount = 96 << 20
      configuration.deferredLimitByteCount = 24 << 20
      configuration.decayInterval = .milliseconds(500)
      var system: HeapSystem? = try HeapSystem(configuration)
      do {
        let system = try #require(system)
        let random = SeededGenerator(for: "stress, recycling \(isRecycling)")
        let steps = try await Self.run(system, isRecycling: isRecycling, random)
        print("stress, recycling \(isRecycling): \(steps) steps")
        try Self.checkEnd(of: system)
      }
      system = nil
      for name in ["memfd:dmaheap", "anon_inode:inotify", "/memory.pressure", "/pressure/memory"] {
        let left = try openDescriptors(of: name)
        #expect(left.isEmpty, "descriptors of \(name) are left")
      }
      #expect(heapMappingCount() == 0, "mappings are left")
    }
    print(String(decoding: result?.standardOutputContent ?? [], as: UTF8.self), terminator: "")
  }

  /// - Returns: the steps that were taken.
  private static func run(
    _ system: HeapSystem, isRecycling: Bool, _ random: SeededGenerator
  ) async throws -> Int {
    var random = random
    let seed = random.next()
    let end = MonotonicTime.now + duration
    let steps = Atomic<Int>(0)
    let failures = Mutex<[String]>([])
    let threads = (0..<4).map { index in
      TestThread {
        do {
          var client = try StressClient(
            system, isRecycling: isRecycling, seed: seed, index: index)
          while MonotonicTime.now < end {
            try client.step()
            steps.add(1, ordering: .relaxed)
          }
          try client.finish()
        } catch {
          failures.withLock { $0.append("\(error)") }
        }
      }
    }
    let heap = try system.heap(named: "system")
    while MonotonicTime.now < end {
      let buffer = try await heap.allocate(byteCount: 1 << 20, waitingUpTo: .seconds(10))
      let isZero = buffer.isZero
      #expect(isZero)
      let descriptor = try await heap.allocateDescriptor(
        byteCount: 1 << 16, waitingUpTo: .seconds(10))
      _ = consume descriptor
      _ = consume buffer
      try await Task.sleep(for: .milliseconds(2))
    }
    for thread in threads { thread.join() }
    #expect(failures.withLock { $0 } == [])
    return steps.load(ordering: .relaxed)
  }

  private static func checkEnd(of system: HeapSystem) throws {
    #expect(
      waitUntil { system.memory.pools.accounts().inBuffers == .zero }, "pages stay in buffers")
    let heap = try system.heap(named: "system")
    for order in 0..<8 {
      for use in [ReadyMemoryUse.buffers, .descriptors] {
        // Fails for sizes that have no pool.
        try? heap.keepReady(low: 0, high: 0, byteCount: 4096 << order, for: use)
      }
    }
    #expect(
      waitUntil {
        system.reclaim()
        return system.memory.pools.accounts() == PageAccounts()
      }, "pages are lost")
    #expect(system.memory.pools.checkInvariants() == PageAccounts())
    let heaps = system.statistics().heaps
    #expect(heaps.allSatisfy { $0.liveBuffers == 0 && $0.liveByteCount == 0 && $0.failures == 0 })
  }
}
