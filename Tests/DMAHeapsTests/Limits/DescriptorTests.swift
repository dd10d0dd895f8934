// SPDX-License-Identifier: MIT

import CLinuxShims
import DMAHeaps
import Glibc
import HeapFramework
import LinuxHost
import PagePools
import Testing

/// What is pooled leaves the program its descriptors (U1).
struct DescriptorTests {
  /// How many more files this process can open.
  private static func openableCount() -> Int {
    var descriptors: [Int32] = []
    while true {
      let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { break }
      descriptors.append(descriptor)
    }
    for descriptor in descriptors { close(descriptor) }
    return descriptors.count
  }

  private static func system() throws -> HeapSystem {
    var configuration = HeapSystem.Configuration()
    configuration.decayInterval = nil
    return try HeapSystem(configuration)
  }

  /// Allocates so many files of 64 KiB to 1 MiB, and frees them.
  private static func use(_ count: Int, _ heap: Heap) throws {
    var buffers: [BufferBox] = []
    for index in 0..<count {
      let byteCount = index % 8 == 0 ? 1 << 20 : 65536
      buffers.append(BufferBox(try heap.allocate(byteCount: byteCount)))
      if index % 2 == 0 { buffers[index].buffer.withUnsafeMutableBytes { $0[0] = 1 } }
    }
  }

  @Test func pools_leaveThreeQuarters() async {
    await #expect(processExitsWith: .success) {
      try #require(shim_setrlimit(SHIM_RLIMIT_NOFILE, 1024, 1024) == 0)
      let system = try DescriptorTests.system()
      let heap = try system.heap(named: "system")
      try DescriptorTests.use(600, heap)
      #expect(waitUntil { system.statistics().inBuffersByteCount == 0 })
      #expect(waitUntil { system.memory.pools.accounts().deferred == .zero })
      #expect(waitUntil { system.memory.pools.accounts().freeing == .zero })
      // Who gives one too many releases one; two who do so at the same time may release two.
      #expect(waitUntil { system.memory.pools.countedBlocks <= 256 })
      #expect(system.memory.pools.countedBlocks >= 250)
      #expect(DescriptorTests.openableCount() >= 700)
      let accounts = system.memory.pools.checkInvariants()
      #expect(accounts.isBalanced)
    }
  }

  /// A limit that is lowered later holds as soon as the worker looks.
  @Test func loweredLimit_isKept() async {
    await #expect(processExitsWith: .success) {
      try #require(shim_setrlimit(SHIM_RLIMIT_NOFILE, 1024, 1024) == 0)
      let system = try DescriptorTests.system()
      let heap = try system.heap(named: "system")
      try DescriptorTests.use(300, heap)
      try #require(shim_setrlimit(SHIM_RLIMIT_NOFILE, 400, 1024) == 0)
      #expect(
        waitUntil {
          var buffer = try? heap.allocate(byteCount: 1 << 20)
          buffer?.fill(1)
          _ = consume buffer
          return system.memory.pools.countedBlocks <= 100
        })
      system.memory.pools.checkInvariants()
    }
  }

  /// Where the program has used up its descriptors, those of pooled files serve the next buffer.
  @Test func withoutDescriptors_pooledOnesAreGivenBack() async {
    await #expect(processExitsWith: .success) {
      try #require(shim_setrlimit(SHIM_RLIMIT_NOFILE, 256, 256) == 0)
      let system = try DescriptorTests.system()
      let heap = try system.heap(named: "system")
      try DescriptorTests.use(40, heap)
      #expect(waitUntil { system.memory.pools.countedBlocks > 10 })
      var descriptors: [Int32] = []
      while true {
        let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { break }
        descriptors.append(descriptor)
      }
      #expect(errno == EMFILE)
      // Of a size of which none is pooled.
      let buffer = try heap.allocate(byteCount: 3 << 20)
      #expect(buffer.byteCount == 3 << 20)
      for descriptor in descriptors { close(descriptor) }
    }
  }
}
