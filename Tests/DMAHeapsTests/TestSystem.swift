// SPDX-License-Identifier: MIT

import DMAHeaps
import Glibc
import HeapFramework
import LinuxHost
import PagePools
import Testing

/// Makes a system for one test, and when the test is done, checks that nothing is lost: the accounts
/// balance, and every page is back.
///
/// - Parameter body: gets the system and its `system` heap; must drop all buffers and descriptors.
func withSystem(
  recycling: HeapSystem.Recycling = .never, followsDemand: Bool = true,
  poolLimit: Int = 64 << 20, deferredLimit: Int = 16 << 20, faults: FaultPlan? = nil,
  _ body: (HeapSystem, Heap) throws -> Void
) throws {
  var configuration = HeapSystem.Configuration()
  configuration.poolLimitByteCount = poolLimit
  configuration.deferredLimitByteCount = deferredLimit
  configuration.recycling = recycling
  configuration.followsDemand = followsDemand
  // However long a test takes here.
  configuration.decayInterval = nil
  let system = try HeapSystem(configuration, faults: faults)
  try body(system, try system.heap(named: "system"))
  #expect(
    waitUntil { system.memory.pools.accounts().inBuffers == .zero }, "pages are still in buffers")
  let accounts = system.memory.pools.checkInvariants()
  #expect(accounts.isBalanced)
  system.reclaim()
  #expect(
    waitUntil {
      system.reclaim()
      return system.memory.pools.accounts() == PageAccounts()
    }, "pages are lost")
}

/// Waits until a condition holds.
///
/// - Returns: false when it does not hold within 30 s, which only a hang takes.
func waitUntil(_ condition: () -> Bool) -> Bool {
  let start = MonotonicTime.now
  while !condition() {
    guard MonotonicTime.now - start < 30_000_000_000 else { return false }
    usleep(100)
  }
  return true
}

enum MonotonicTime {
  /// Nanoseconds.
  static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}

extension Buffer {
  /// Writes every byte.
  mutating func fill(_ value: UInt8) {
    withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      memset(base, Int32(value), bytes.count)
    }
  }

  /// Whether every byte is zero.
  var isZero: Bool { withUnsafeBytes { $0.isZero } }
}

/// A buffer in an array, which cannot hold noncopyable elements yet.
final class BufferBox {
  var buffer: Buffer
  init(_ buffer: consuming Buffer) { self.buffer = buffer }
}

/// A mapping of a descriptor, as a client makes it.
final class ClientMapping {
  let base: UnsafeMutableRawPointer
  let byteCount: Int

  init(_ descriptor: Int32, byteCount: Int, offset: Int = 0, isWritable: Bool = true) throws {
    let protection = isWritable ? PROT_READ | PROT_WRITE : PROT_READ
    let address = mmap(nil, byteCount, protection, MAP_SHARED, descriptor, offset)
    guard let address = address, address != MAP_FAILED else {
      throw SystemError(number: errno)
    }
    base = address
    self.byteCount = byteCount
  }

  deinit {
    munmap(base, byteCount)
  }

  func fill(_ value: UInt8) {
    memset(base, Int32(value), byteCount)
  }

  var isZero: Bool { isFilled(0) }

  /// Whether every byte is `value`.
  func isFilled(_ value: UInt8) -> Bool {
    UnsafeRawBufferPointer(start: base, count: byteCount).isFilled(value)
  }
}

struct SystemError: Error {
  let number: Int32
}

extension UnsafeRawBufferPointer {
  /// Whether every byte is zero.
  var isZero: Bool { isFilled(0) }

  /// Whether every byte is `value`.
  func isFilled(_ value: UInt8) -> Bool {
    guard let base = baseAddress, count > 0 else { return true }
    // The first byte is it, and each byte equals the one before it.
    return self[0] == value && memcmp(base, base + 1, count - 1) == 0
  }
}

/// What a process has that a system opens: counted before and after, to find leaks.
struct Possessions: Equatable {
  var descriptors = 0
  /// Mappings of our files.
  var mappings = 0
  var threads = 0

  static func counted() throws -> Possessions {
    Possessions(
      descriptors: try #require(openDescriptorCount()), mappings: heapMappingCount(),
      threads: try #require(ProcessFile.number(in: "/proc/self/status", after: "Threads:")))
  }
}

/// What each round of `body` leaves behind.
///
/// The test library and the runtime open and close a few descriptors and threads of their own, at times
/// that nobody can foresee. Those are fewer than half of the rounds; what `body` leaks is at least as many.
func leakPerRound(of body: () throws -> Void) throws -> Possessions {
  let rounds = 20
  let before = try Possessions.counted()
  for _ in 0..<rounds { try body() }
  let after = try Possessions.counted()
  func perRound(_ count: KeyPath<Possessions, Int>) -> Int {
    Int((Double(after[keyPath: count] - before[keyPath: count]) / Double(rounds)).rounded())
  }
  return Possessions(
    descriptors: perRound(\.descriptors), mappings: perRound(\.mappings),
    threads: perRound(\.threads))
}

/// Descriptors of this process.
func openDescriptorCount() -> Int? { entries(of: "/proc/self/fd")?.count }

/// The descriptors of a kind: what `/proc` calls the file has `name` in it.
func openDescriptors(of name: String) throws -> Set<Int32> {
  let numbers = try #require(entries(of: "/proc/self/fd")).compactMap { Int32($0) }
  return Set(numbers).filter { number in
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { target in
      guard let base = target.baseAddress else { return false }
      let count = readlink("/proc/self/fd/\(number)", base, target.count)
      let bytes = UnsafeRawBufferPointer(start: base, count: max(count, 0))
      return String(decoding: bytes, as: UTF8.self).contains(name)
    }
  }
}

/// The names in a folder, nil where it cannot be read.
func entries(of folder: String) -> [String]? {
  guard let stream = opendir(folder) else { return nil }
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    names.append(
      withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      })
  }
  return names
}

/// Mappings of our files in this process.
func heapMappingCount() -> Int {
  ProcessFile.lines(of: "/proc/self/maps").count { $0.contains("memfd:dmaheap") }
}
