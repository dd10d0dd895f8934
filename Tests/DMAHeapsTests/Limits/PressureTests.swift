// SPDX-License-Identifier: MIT

import DMAHeaps
import Glibc
import HeapFramework
import LinuxHost
import PagePools
import Testing

/// A program that is told of memory pressure as a service manager does it (U2).
struct PressureTests {
  @Test func fifoInTheEnvironment_emptiesThePools() async {
    await #expect(processExitsWith: .success) {
      let path = "/tmp/dmaheap-pressure-\(getpid())"
      try #require(mkfifo(path, 0o600) == 0)
      defer { unlink(path) }
      setenv("MEMORY_PRESSURE_WATCH", path, 1)
      var configuration = HeapSystem.Configuration()
      configuration.decayInterval = nil
      let system = try HeapSystem(configuration)
      let heap = try system.heap(named: "system")
      for byteCount in [4096, 1 << 20, 8 << 20] {
        var buffer = try heap.allocate(byteCount: byteCount)
        buffer.fill(1)
      }
      // Opens once the watcher has the other end.
      let writer = open(path, O_WRONLY | O_CLOEXEC)
      try #require(writer >= 0)
      #expect(waitUntil { system.statistics().pooledByteCount == 9 << 20 | 4096 })
      #expect(write(writer, "x", 1) == 1)
      #expect(waitUntil { system.statistics().takenByteCount == 0 })
      system.memory.pools.checkInvariants()
      close(writer)
    }
  }

  @Test func devNullInTheEnvironment_turnsItOff() async {
    await #expect(processExitsWith: .success) {
      setenv("MEMORY_PRESSURE_WATCH", "/dev/null", 1)
      let before = try Possessions.counted().threads
      let system = try HeapSystem()
      #expect(try Possessions.counted().threads == before + 1)
      #expect(system.statistics().takenByteCount == 0)
    }
  }

  /// One line for the process, and all goes on.
  @Test func brokenEnvironment_isReportedOnce() async throws {
    let result = try await #require(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) {
      setenv("MEMORY_PRESSURE_WATCH", "/no/such/file", 1)
      for _ in 0..<3 {
        let system = try HeapSystem()
        _ = try system.heap(named: "system").allocate(byteCount: 1 << 20)
        // Time for its thread to open what there is to watch.
        usleep(300_000)
      }
    }
    let lines = String(decoding: result.standardErrorContent, as: UTF8.self)
      .split(separator: "\n").filter { $0.hasPrefix("dmaheap: ") }
    #expect(
      lines == [
        "dmaheap: warning: MEMORY_PRESSURE_WATCH is of no use: /no/such/file: "
          + "No such file or directory"
      ])
  }
}
