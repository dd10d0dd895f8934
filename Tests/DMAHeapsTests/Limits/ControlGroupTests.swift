// SPDX-License-Identifier: MIT

import DMAHeaps
import Glibc
import LinuxHost
import PagePools
import Testing

/// A process in a small control group gets errors, or has smaller pools: nobody is killed (U1).
@Suite(.serialized, .enabled(if: TestControlGroup.isPossible, "no memory control groups here"))
struct ControlGroupTests {
  /// Runs a child in a group of so many MiB, and shows that it ended well and that nothing was killed.
  private func inGroup(
    _ name: String, mebibytes: Int, _ run: () async -> Void
  ) async throws {
    let group = try TestControlGroup(name, byteCount: mebibytes << 20)
    defer { group.remove() }
    await run()
    #expect(try #require(group.killCount) == 0)
  }

  /// The limits of a system are shares of the group's memory, not of the machine's.
  @Test func defaults_areSharesOfTheGroup() async throws {
    try await inGroup("defaults", mebibytes: 512) {
      await #expect(processExitsWith: .success) {
        try TestControlGroup.enter("defaults")
        let configuration = HeapSystem.Configuration()
        #expect(configuration.poolLimitByteCount == 128 << 20)
        #expect(configuration.deferredLimitByteCount == 64 << 20)
      }
    }
  }

  @Test func moreReadyThanFits_isRefused_orLess() async throws {
    try await inGroup("ready", mebibytes: 512) {
      await #expect(processExitsWith: .success) {
        try TestControlGroup.enter("ready")
        let usual = try HeapSystem()
        #expect(
          throws: HeapError.watermarksExceedLimit(
            byteCount: 800 << 20, limitByteCount: 128 << 20)
        ) {
          try usual.heap(named: "system").keepReady(low: 100, high: 100, byteCount: 8 << 20)
        }
        // Asked for in spite of the group: as much comes as leaves an eighth to the program.
        var configuration = HeapSystem.Configuration()
        configuration.poolLimitByteCount = 1 << 30
        let system = try HeapSystem(configuration)
        try system.heap(named: "system").keepReady(low: 100, high: 100, byteCount: 8 << 20)
        #expect(waitUntil { system.statistics().pooledByteCount >= 300 << 20 })
        usleep(300_000)
        #expect(system.statistics().pooledByteCount <= 448 << 20)
        // There is room for the program.
        let bytes = try #require(malloc(32 << 20))
        memset(bytes, 1, 32 << 20)
        free(bytes)
        // A buffer of another size is made of what was kept.
        _ = try system.heap(named: "system").allocate(byteCount: 200 << 20)
      }
    }
  }

  @Test func moreThanTheGroupHas_isAnError_thatNamesIt() async throws {
    try await inGroup("large", mebibytes: 512) {
      await #expect(processExitsWith: .success) {
        try TestControlGroup.enter("large")
        let heap = try HeapSystem().heap(named: "system")
        for byteCount in [2 << 30, 513 << 20, 500 << 20] {
          do throws(HeapError) {
            _ = try heap.allocateDescriptor(byteCount: byteCount)
            Issue.record("\(byteCount) bytes fit into the group")
          } catch {
            #expect(error.errorNumber == ENOMEM)
            let folder = MemoryLimits.ofProcess.controlGroups().first?.folder ?? "?"
            #expect("\(error)".contains(folder) && "\(error)".contains("\(512 << 20)"), "\(error)")
          }
        }
        _ = try heap.allocateDescriptor(byteCount: 300 << 20)
      }
    }
  }

  @Test func framesInALoop_inLittleMemory() async throws {
    try await inGroup("loop", mebibytes: 256) {
      await #expect(processExitsWith: .success) {
        try TestControlGroup.enter("loop")
        let system = try HeapSystem()
        let heap = try system.heap(named: "system")
        var held: [Int32] = []
        for round in 0..<200 {
          var buffer = try heap.allocate(byteCount: 8 << 20)
          buffer.fill(UInt8(truncatingIfNeeded: round))
        }
        // Held until there is an error, not until somebody is killed.
        do throws(HeapError) {
          while true { held.append(try heap.allocateDescriptor(byteCount: 8 << 20).relinquish()) }
        } catch {
          #expect(error.errorNumber == ENOMEM, "\(error)")
        }
        #expect(held.count >= 20 && held.count < 32)
        for descriptor in held { close(descriptor) }
        #expect(waitUntil { (try? heap.allocate(byteCount: 64 << 20)) != nil })
      }
    }
  }

  #if !THREAD_SANITIZER  // Its shadow of what is written and zeroed counts in the group.
  @Test func everLargerBuffers_freed() async throws {
    try await inGroup("larger", mebibytes: 512) {
      await #expect(processExitsWith: .success) {
        try TestControlGroup.enter("larger")
        let system = try HeapSystem()
        let heap = try system.heap(named: "system")
        for mebibytes in stride(from: 10, through: 400, by: 65) {
          // What was freed just now may still be in the worker's hands.
          #expect(
            waitUntil {
              guard var buffer = try? heap.allocate(byteCount: mebibytes << 20) else {
                return false
              }
              buffer.fill(1)
              return true
            })
          #expect(
            waitUntil { (try? heap.allocateDescriptor(byteCount: mebibytes << 20)) != nil })
        }
        #expect(system.statistics().pooledByteCount <= 128 << 20)
      }
    }
  }

  /// Threads that ask at the same time are not promised the same memory.
  @Test func manyAtOnce_inLittleMemory() async throws {
    try await inGroup("many", mebibytes: 256) {
      await #expect(processExitsWith: .success) {
        try TestControlGroup.enter("many")
        let heap = try HeapSystem().heap(named: "system")
        await withTaskGroup(of: Void.self) { tasks in
          for _ in 0..<8 {
            tasks.addTask {
              for _ in 0..<5 {
                do throws(HeapError) {
                  var buffer = try heap.allocate(byteCount: 60 << 20)
                  buffer.fill(1)
                } catch {
                  #expect(error.errorNumber == ENOMEM, "\(error)")
                }
              }
            }
          }
        }
      }
    }
  }
  #endif
}
