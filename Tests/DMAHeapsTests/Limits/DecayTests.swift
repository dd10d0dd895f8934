// SPDX-License-Identifier: MIT

import DMAHeaps
import Glibc
import HeapFramework
import LinuxHost
import PagePools
import Testing

/// Idle memory goes back to the kernel, and then nobody wakes up any more (U2).
struct DecayTests {
  private static func system(_ interval: Duration?) throws -> HeapSystem {
    var configuration = HeapSystem.Configuration()
    configuration.decayInterval = interval
    return try HeapSystem(configuration)
  }

  /// How often the threads of all systems in this process have gone to sleep so far.
  private static func sleepCount() throws -> Int {
    var count = 0
    for name in try #require(entries(of: "/proc/self/task")) {
      let status = RootFolder.machine.read("/proc/self/task/\(name)/status")
      guard status?.lines.first?.contains("dmaheap") == true else { continue }
      count += try #require(status?.number(after: "voluntary_ctxt_switches:\t"))
    }
    return count
  }

  @Test func idleSystem_givesAllBack_andSleeps() async {
    await #expect(processExitsWith: .success) {
      let system = try DecayTests.system(.milliseconds(20))
      let heap = try system.heap(named: "system")
      for byteCount in [4096, 65536, 1 << 20] {
        var buffers: [BufferBox] = []
        for _ in 0..<9 {
          buffers.append(BufferBox(try heap.allocate(byteCount: byteCount)))
          buffers.last?.buffer.fill(1)
        }
      }
      #expect(system.statistics().takenByteCount > 0)
      #expect(waitUntil { system.statistics().takenByteCount == 0 })
      system.memory.pools.checkInvariants()
      // The last look may still be to come, and naps before sleep; then nobody wakes for a hundred intervals.
      let isQuiet = waitUntil {
        let before = try? DecayTests.sleepCount()
        sleep(2)
        return (try? DecayTests.sleepCount()) == before
      }
      #expect(isQuiet, "somebody wakes up again and again")
      // And the next memory decays as the first did.
      var buffer = try heap.allocate(byteCount: 8192)
      buffer.fill(1)
      _ = consume buffer
      #expect(waitUntil { system.statistics().takenByteCount == 0 })
    }
  }

  @Test func whatIsKeptReady_stays() throws {
    let system = try Self.system(.milliseconds(5))
    let heap = try system.heap(named: "system")
    try heap.keepReady(low: 2, high: 3, byteCount: 1 << 20)
    do {
      var buffers: [BufferBox] = []
      for _ in 0..<9 { buffers.append(BufferBox(try heap.allocate(byteCount: 1 << 20))) }
    }
    #expect(waitUntil { system.statistics().takenByteCount == 3 << 20 })
    usleep(100_000)
    #expect(system.statistics().takenByteCount == 3 << 20)
    system.memory.pools.checkInvariants()
  }

  @Test func withoutInterval_memoryStays() throws {
    let system = try Self.system(nil)
    _ = try system.heap(named: "system").allocate(byteCount: 1 << 20)
    usleep(100_000)
    #expect(system.statistics().pooledByteCount == 1 << 20)
  }
}
