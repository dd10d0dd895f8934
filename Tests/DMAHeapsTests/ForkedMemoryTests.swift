// SPDX-License-Identifier: MIT

import CTestSupport
import DMAHeaps
import Glibc
import HeapFramework
import LinuxHost
import PagePools
import Testing

/// What a forked child has of its parent's memory: nothing but what was handed out.
@Suite(.serialized)
struct ForkedMemoryTests {
  /// Descriptors of the library's files in this process.
  private static func fileCount() -> Int {
    var count = 0
    for number in 0..<Int32(1024) {
      let name = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { target in
        guard let base = target.baseAddress else { return "" }
        let length = readlink("/proc/self/fd/\(number)", base, target.count)
        let bytes = UnsafeRawBufferPointer(start: base, count: max(length, 0))
        return String(decoding: bytes, as: UTF8.self)
      }
      if name.contains("memfd:dmaheap") { count += 1 }
    }
    return count
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
