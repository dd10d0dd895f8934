// SPDX-License-Identifier: MIT

import CLinuxShims
import DMAHeaps
import Glibc
import LinuxHost
import Synchronization
import Testing

/// The process-wide system, in processes of their own.
@Suite
struct SharedSystemTests {
  @Test
  func aFailedStart_isTriedAgain() async {
    await #expect(processExitsWith: .success) {
      var soft: UInt64 = 0
      var hard: UInt64 = 0
      try #require(shim_getrlimit(SHIM_RLIMIT_NOFILE, &soft, &hard) == 0)
      // No number is left, even where lower ones are free.
      try #require(shim_setrlimit(SHIM_RLIMIT_NOFILE, 0, hard) == 0)
      for _ in 0..<2 {
        do throws(HeapError) {
          _ = try Heap(named: "system")
          Issue.record("a system started without descriptors")
        } catch {
          #expect(error == .limitReached(name: "RLIMIT_NOFILE", value: 0, errorNumber: EMFILE))
        }
      }
      try #require(shim_setrlimit(SHIM_RLIMIT_NOFILE, soft, hard) == 0)
      var buffer = try Heap(named: "system").allocate(byteCount: 4096)
      buffer.fill(1)
    }
  }

  @Test
  func oneSystem_forAllWhoCallFirst() async {
    await #expect(processExitsWith: .success) {
      let systems = try await withThrowingTaskGroup(of: ObjectIdentifier.self) { group in
        for _ in 0..<8 { group.addTask { ObjectIdentifier(try HeapSystem.shared()) } }
        return try await group.reduce(into: Set<ObjectIdentifier>()) { $0.insert($1) }
      }
      #expect(systems.count == 1)
      // Those of the others have ended with their threads.
      #expect(
        waitUntil {
          ProcessFile.threadNames().filter { $0.hasPrefix("dmaheap-") }.sorted()
            == ["dmaheap-free", "dmaheap-press"]
        })
    }
  }
}

extension ProcessFile {
  /// The names of this process's threads.
  fileprivate static func threadNames() -> [String] {
    var names: [String] = []
    for thread in entries(of: "/proc/self/task") ?? [] {
      guard let file = fopen("/proc/self/task/\(thread)/comm", "r") else { continue }
      defer { fclose(file) }
      withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { line in
        guard let base = line.baseAddress, fgets(base, 64, file) != nil else { return }
        names.append(String(String(cString: base).dropLast()))
      }
    }
    return names
  }
}
