// SPDX-License-Identifier: MIT

import CHeapChecks
import Glibc

/// The struct of `DMA_HEAP_IOCTL_ALLOC`, of any size and with any command number (H3).
///
/// Fields that do not fit are left out; bytes behind the last field are not zero, and must come back
/// as they were.
struct AllocationRequest {
  /// The ABI's struct: `{ u64 len; u32 fd; u32 fd_flags; u64 heap_flags }`.
  static let standardByteCount = 24

  static let filler: UInt8 = 0xA5

  var bytes: [UInt8]
  var direction = UInt32(CHECKS_READ | CHECKS_WRITE)
  var type = UInt32(UInt8(ascii: "H"))
  var number: UInt32 = 0

  init(
    byteCount: Int = standardByteCount, length: UInt64 = UInt64(pageSize), descriptor: UInt32 = 0,
    flags: UInt32 = UInt32(O_RDWR | O_CLOEXEC), heapFlags: UInt64 = 0
  ) {
    bytes = Array(repeating: Self.filler, count: byteCount)
    put(length, 8, at: 0)
    put(UInt64(descriptor), 4, at: 8)
    put(UInt64(flags), 4, at: 12)
    put(heapFlags, 8, at: 16)
  }

  var command: UInt32 { checks_command(direction, type, number, UInt32(bytes.count)) }

  /// The descriptor in the struct, nil when the struct ends before it.
  var descriptor: UInt32? {
    guard bytes.count >= 12 else { return nil }
    return bytes[8..<12].reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// Whether the bytes behind the ABI's struct are as they were sent.
  var hasUntouchedRest: Bool {
    bytes.dropFirst(Self.standardByteCount).allSatisfy { $0 == Self.filler }
  }

  private mutating func put(_ value: UInt64, _ byteCount: Int, at offset: Int) {
    for index in 0..<byteCount where offset + index < bytes.count {
      bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
    }
  }
}
