// SPDX-License-Identifier: MIT

import CLinuxShims
import Glibc

/// `/proc/self/fail-nth`: the n-th failure to come hits the calling thread, which is the first.
struct FailureInjector {
  private static let never = 1_000_000

  private let descriptor: Int32

  init() throws {
    // Opened once, because opening allocates.
    descriptor = shim_open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CheckSkipped(reason: "no /proc/self/fail-nth: the kernel cannot inject failures")
    }
  }

  func done() { close(descriptor) }

  /// Runs `body` with the n-th failure injected; whether there was an n-th in it.
  func inject(_ number: Int, _ body: () throws -> Void) throws -> Bool {
    try set(number)
    defer { try? set(0) }
    try body()
    return remaining() == 0
  }

  /// How many failures could be injected into `body`.
  func count(_ body: () throws -> Void) throws -> Int {
    try set(Self.never)
    defer { try? set(0) }
    try body()
    guard let remaining = remaining() else { throw SystemFailure("read fail-nth") }
    return Self.never - remaining
  }

  /// Sets the number; 0 is none.
  func set(_ number: Int) throws(SystemFailure) {
    let text = Array("\(number)".utf8)
    // The failure that still waits may hit this call; then none waits any more.
    for _ in 0..<2 where pwrite(descriptor, text, text.count, 0) > 0 { return }
    throw SystemFailure("write fail-nth")
  }

  /// How many failures are still to come, nil when the last has just hit this question.
  private func remaining() -> Int? {
    var text = [UInt8](repeating: 0, count: 16)
    let count = pread(descriptor, &text, text.count, 0)
    guard count > 0 else { return nil }
    let digits = text[..<count].prefix { $0 >= 0x30 && $0 <= 0x39 }
    return digits.reduce(0) { $0 * 10 + Int($1) - 0x30 }
  }
}

/// A place for mappings whose page tables are there already.
///
/// When Linux 6.1 cannot make a page table for a mapping of whole device memory, it warns about its own
/// cleaning up (`untrack_pfn`); that is not what is to be found out.
struct PreparedPlace {
  /// The largest mapping that has room.
  static let byteCount = 1 << 20
  /// What one page table maps.
  private static let span = 2 << 20

  let address: UnsafeMutableRawPointer

  init() throws(SystemFailure) {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS
    let memory = mmap(nil, 2 * Self.span, PROT_READ | PROT_WRITE, flags, -1, 0)
    guard let memory, memory != MAP_FAILED else { throw SystemFailure("mmap") }
    let start = memory.alignedUp(toMultipleOf: Self.span)
    // The neighbours in use keep the table.
    start.storeBytes(of: 1, as: UInt8.self)
    start.storeBytes(of: 1, toByteOffset: Self.span - 1, as: UInt8.self)
    address = start + Self.span / 4
  }
}
