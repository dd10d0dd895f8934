// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc

/// What a client does with a dma-buf besides mapping it.
package enum DMABuffer {
  /// Which accesses of the CPU are meant; the values of `DMA_BUF_SYNC_*`.
  package enum Access: UInt64, Sendable {
    case read = 1
    case write = 2
    case readWrite = 3
  }

  /// Which end of the accesses; the values of `DMA_BUF_SYNC_*`.
  package enum Bracket: UInt64, Sendable {
    case begin = 0
    case end = 4
  }

  /// The buffer's size in bytes.
  ///
  /// - Throws: ESPIPE for a descriptor that has none.
  package static func byteCount(
    of descriptor: borrowing OwnedDescriptor
  ) throws(HostFailure) -> Int {
    let end = lseek(descriptor.rawValue, 0, SEEK_END)
    guard end >= 0 else { throw HostFailure(.findLength, errno) }
    // Others share the offset, and some look at it.
    lseek(descriptor.rawValue, 0, SEEK_SET)
    return end
  }

  /// Begins or ends accesses by the CPU, so that caches agree with devices.
  ///
  /// - Throws: ENOTTY for a descriptor that is no dma-buf; what the exporter answers.
  /// - Context: blocks until devices have finished.
  package static func synchronize(
    _ descriptor: borrowing OwnedDescriptor, _ bracket: Bracket, _ access: Access
  ) throws(HostFailure) {
    var flags = bracket.rawValue | access.rawValue
    _ = try attempt(.synchronize, faults: nil) { [buffer = descriptor.rawValue] in
      // SAFETY: the command's struct is one number of 64 bits.
      unsafe shim_ioctl(buffer, synchronizeCommand, &flags)
    }
  }

  /// `DMA_BUF_IOCTL_SYNC`: `_IOW('b', 0, struct { u64 flags })`.
  private static var synchronizeCommand: UInt32 {
    0x4000_0000 | UInt32(MemoryLayout<UInt64>.size) << 16 | UInt32(UInt8(ascii: "b")) << 8
  }
}
