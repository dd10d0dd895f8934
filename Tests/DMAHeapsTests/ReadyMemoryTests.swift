// SPDX-License-Identifier: MIT

import DMAHeaps
import HeapFramework
import LinuxHost
import PagePools
import Testing

/// Memory that is there before anybody asks (P9).
struct ReadyMemoryTests {
  @Test(arguments: [4096, 65536, 1 << 20])
  func keepReady_fillsThePool_andTheNextBuffersComeFromIt(byteCount: Int) throws {
    try withSystem { system, heap in
      try heap.keepReady(low: 3, high: 4, byteCount: byteCount)
      try heap.keepReady(low: 3, high: 4, byteCount: byteCount, for: .descriptors)
      let wanted = PageCount(2 * 4 * byteCount / 4096)
      #expect(waitUntil { system.memory.pools.totalPages == wanted })
      do {
        let first = try heap.allocate(byteCount: byteCount)
        let second = try heap.allocate(byteCount: byteCount)
        let descriptor = try heap.allocateDescriptor(byteCount: byteCount)
        withExtendedLifetime(descriptor.rawValue) {}
        #expect(first.byteCount == second.byteCount)
      }
      #expect(system.statistics().heaps.allSatisfy { $0.poolMisses == 0 })
      // The descriptor is gone for good: filling begins again when one more is.
      #expect(waitUntil { system.memory.pools.totalPages >= wanted - PageCount(byteCount / 4096) })
      try heap.keepReady(low: 0, high: 0, byteCount: byteCount)
      try heap.keepReady(low: 0, high: 0, byteCount: byteCount, for: .descriptors)
    }
  }

  @Test func keepReady_ofImpossibleMarks_namesThem() throws {
    try withSystem { _, heap in
      #expect(throws: HeapError.invalidWatermarks(low: 2, high: 1)) {
        try heap.keepReady(low: 2, high: 1, byteCount: 4096)
      }
      #expect(throws: HeapError.invalidWatermarks(low: -1, high: 1)) {
        try heap.keepReady(low: -1, high: 1, byteCount: 4096)
      }
      #expect(throws: HeapError.invalidSize(byteCount: 0)) {
        try heap.keepReady(low: 1, high: 1, byteCount: 0)
      }
      let tooLarge = (1 << 40) + 1
      #expect {
        try heap.keepReady(low: 1, high: 1, byteCount: tooLarge)
      } throws: { error in
        (error as? HeapError)?.errorNumber == 12 && "\(error)".contains("1099511631872")
      }
    }
  }

  /// The limit of all pools holds for what is kept ready, too: marks that ask for more are refused whole.
  @Test func keepReady_beyondThePoolLimit_isRefused() throws {
    try withSystem(poolLimit: 1 << 20) { system, heap in
      #expect(throws: HeapError.watermarksExceedLimit(byteCount: 17 << 16, limitByteCount: 1 << 20))
      {
        try heap.keepReady(low: 1, high: 17, byteCount: 65536)
      }
      try heap.keepReady(low: 16, high: 16, byteCount: 65536)
      #expect(waitUntil { system.memory.pools.totalPages == PageCount(256) })
      try heap.keepReady(low: 0, high: 0, byteCount: 65536)
      // What is kept for either use counts.
      system.memory.reclaimAll()
      try heap.keepReady(low: 200, high: 200, byteCount: 4096)
      #expect(
        throws: HeapError.watermarksExceedLimit(byteCount: 1600 << 10, limitByteCount: 1 << 20)
      ) {
        try heap.keepReady(low: 200, high: 200, byteCount: 4096, for: .descriptors)
      }
      try heap.keepReady(low: 0, high: 0, byteCount: 4096)
      try heap.keepReady(low: 16, high: 16, byteCount: 65536)
      try heap.keepReady(low: 0, high: 0, byteCount: 65536)
    }
  }
}
