// SPDX-License-Identifier: MIT

import CLinuxShims
import CTestSupport
import DMAHeaps
import Dispatch
import Glibc
import HeapFramework
import LinuxHost
import PagePools
import Synchronization
import Testing

/// H6: every byte of a buffer is zero when it is handed out, whoever had the memory before.
@Suite(.serialized)
struct ZeroingTests {
  static let sizes = [4096, 8192, 57344, 61440, 65536, 69632, 1 << 20, (9 << 18) + 4096, 32 << 20]

  @Test(arguments: sizes)
  func recycledBuffers_areZero(byteCount: Int) throws {
    try withSystem(poolLimit: 256 << 20, deferredLimit: 128 << 20) { _, heap in
      for round in 0..<12 {
        var buffer = try heap.allocate(byteCount: byteCount)
        #expect(buffer.byteCount == byteCount)
        let isZero = buffer.withUnsafeBytes { bytes in bytes.isZero }
        #expect(isZero, "round \(round)")
        buffer.withUnsafeMutableBytes { bytes in Self.write(bytes, round) }
      }
    }
  }

  @Test(arguments: sizes)
  func recycledDescriptors_areZero(byteCount: Int) throws {
    try withSystem(recycling: .inPlace, poolLimit: 256 << 20, deferredLimit: 128 << 20) { _, heap in
      for round in 0..<12 {
        let descriptor = try heap.allocateDescriptor(byteCount: byteCount)
        #expect(lseek(descriptor.rawValue, 0, SEEK_END) == byteCount)
        let mapping = try ClientMapping(descriptor.rawValue, byteCount: byteCount)
        #expect(mapping.isZero, "round \(round)")
        Self.write(
          UnsafeMutableRawBufferPointer(start: mapping.base, count: byteCount), round)
      }
    }
  }

  /// Memory moves between both interfaces and between lengths of one size class.
  @Test
  func memoryOfOneSizeClass_isZeroAtEveryLength() throws {
    try withSystem(recycling: .inPlace) { _, heap in
      let lengths = [17, 20, 18, 19, 20, 17].map { $0 * 4096 }
      for round in 0..<60 {
        let byteCount = lengths[round % lengths.count]
        if round % 3 == 0 {
          var buffer = try heap.allocate(byteCount: byteCount)
          let isZero = buffer.withUnsafeBytes { bytes in bytes.isZero }
          #expect(isZero, "buffer of \(byteCount) bytes, round \(round)")
          buffer.fill(1)
        } else {
          let descriptor = try heap.allocateDescriptor(byteCount: byteCount)
          #expect(lseek(descriptor.rawValue, 0, SEEK_END) == byteCount)
          let mapping = try ClientMapping(descriptor.rawValue, byteCount: byteCount)
          #expect(mapping.isZero, "descriptor of \(byteCount) bytes, round \(round)")
          mapping.fill(2)
        }
      }
    }
  }

  @Test
  func unwrittenBuffer_comesBackAtOnce() throws {
    try withSystem { system, heap in
      let buffer = try heap.allocate(byteCount: 1 << 20)
      _ = buffer.withUnsafeBytes { bytes in bytes[0] }
      _ = consume buffer
      // Nothing to zero, so nothing waits (S4).
      #expect(system.memory.pools.accounts().pooled.byteCount == 1 << 20)
      #expect(system.statistics().waitingByteCount == 0)
    }
  }

  @Test
  func concurrentUse_withTheShrinkerRunning_neverSeesAWrittenByte() throws {
    try withSystem(poolLimit: 8 << 20, deferredLimit: 4 << 20) { system, _ in
      let isDone = Atomic<Bool>(false)
      let shrinker = DispatchGroup()
      DispatchQueue.global().async(group: shrinker) {
        while !isDone.load(ordering: .relaxed) {
          system.reclaim(byteCount: 1 << 18)
          let accounts = system.memory.pools.accounts()
          precondition(accounts.isBalanced, "P7 does not hold")
          usleep(200)
        }
      }
      let dirty = Atomic<Int>(0)
      let failures = Atomic<Int>(0)
      DispatchQueue.concurrentPerform(iterations: 4) { thread in
        do {
          let heap = try system.heap(named: "system")
          let sizes = [4096, 65536, 12288, 1 << 20, 131072]
          for round in 0..<300 {
            let byteCount = sizes[(round + thread) % sizes.count]
            if (round + thread) % 4 == 0 {
              let descriptor = try heap.allocateDescriptor(byteCount: byteCount)
              let mapping = try ClientMapping(descriptor.rawValue, byteCount: byteCount)
              if !mapping.isZero { dirty.add(1, ordering: .relaxed) }
              mapping.fill(UInt8(thread + 1))
            } else {
              var buffer = try heap.allocate(byteCount: byteCount)
              let isZero = buffer.withUnsafeBytes { bytes in bytes.isZero }
              if !isZero { dirty.add(1, ordering: .relaxed) }
              buffer.withUnsafeMutableBytes { bytes in Self.write(bytes, round) }
            }
          }
        } catch {
          failures.add(1, ordering: .relaxed)
        }
      }
      isDone.store(true, ordering: .relaxed)
      shrinker.wait()
      #expect(dirty.load(ordering: .relaxed) == 0)
      #expect(failures.load(ordering: .relaxed) == 0)
    }
  }

  /// What a client can do to a file besides writing: none of it may reach the next owner.
  @Test(arguments: ["punch", "mode", "attribute", "flags"])
  func spoiltFile_isNotPooled(by means: String) throws {
    try withSystem(recycling: .inPlace) { system, heap in
      let byteCount = 1 << 20
      let descriptor = try heap.allocateDescriptor(byteCount: byteCount)
      let isSpoilt =
        switch means {
        case "punch":
          shim_fallocate(descriptor.rawValue, SHIM_FALLOC_PUNCH_HOLE, 8192, 4096) == 0
        case "mode": fchmod(descriptor.rawValue, 0) == 0
        case "attribute": test_set_attribute(descriptor.rawValue) == 0
        default: test_make_immutable(descriptor.rawValue) == 0
        }
      // Files of memory have attributes and flags since Linux 6.6 only.
      #expect(isSpoilt || means == "attribute" || means == "flags")
      _ = consume descriptor
      #expect(waitUntil { system.statistics().inBuffersByteCount == 0 })
      #expect(waitUntil { system.statistics().waitingByteCount == 0 })
      if isSpoilt { #expect(system.statistics().pooledByteCount == 0) }
      let next = try heap.allocateDescriptor(byteCount: byteCount)
      #expect(lseek(next.rawValue, 0, SEEK_END) == byteCount)
      let mapping = try ClientMapping(next.rawValue, byteCount: byteCount)
      #expect(mapping.isZero)
    }
  }

  /// Writes all of it, or a part at some place, by the round.
  private static func write(_ bytes: UnsafeMutableRawBufferPointer, _ round: Int) {
    guard let base = bytes.baseAddress else { return }
    switch round % 4 {
    case 0: memset(base, round | 1, bytes.count)
    case 1: base.storeBytes(of: 0xFF, as: UInt8.self)
    case 2: base.storeBytes(of: 0xFF, toByteOffset: bytes.count - 1, as: UInt8.self)
    default: memset(base + bytes.count / 2, round | 1, min(5000, bytes.count / 2))
    }
  }

  private static func memset(_ base: UnsafeMutableRawPointer, _ value: Int, _ count: Int) {
    _ = Glibc.memset(base, Int32(value), count)
  }
}
