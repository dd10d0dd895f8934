// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc

/// How memory is zeroed.
enum Zeroing {
  /// From this size on, memory is zeroed by stores that go past the caches (bytes).
  ///
  /// Measured on two cores with 1 MiB of L2 each and 32 MiB of L3 together, µs; "other core" is a scan of
  /// 12 MiB there meanwhile, 376 when it is alone; "cycle" is `dmaheap bench`, buffers, touched:
  ///
  /// | block | memset | past caches | other core | | cycle | |
  /// |---|---|---|---|---|---|---|
  /// | 1 MiB | 43 | 23 | 629 | 329 | 15 | 35 |
  /// | 8 MiB | 324 | 135 | 824 | 497 | 174 | 310 |
  /// | 16 MiB | 593 | 329 | 509 | 305 | – | – |
  /// | 32 MiB | 911 | 635 | 426 | 431 | 1094 | 1079 |
  ///
  /// Past the caches is faster on cold memory and kinder to others at every size, but the next owner
  /// then finds the block cold, and below half the cache that costs more than it saves.
  static let nontemporalThreshold = 16 << 20

  /// Fills `byteCount` bytes, a multiple of the page size, with zeroes.
  static func zero(_ address: UnsafeMutableRawPointer, _ byteCount: Int) {
    if byteCount >= nontemporalThreshold {
      unsafe shim_zero_nontemporal(address, byteCount)
    } else {
      unsafe memset(address, 0, byteCount)
    }
  }

  /// Fills the first `byteCount` bytes of a file that is not mapped with zeroes.
  ///
  /// For small files: one call costs less than a mapping, and mappings are limited (vm.max_map_count).
  static func zero(_ descriptor: Int32, _ byteCount: Int) -> Bool {
    var offset = 0
    while offset < byteCount {
      let count = unsafe zeroes.withUnsafeBytes { source in
        unsafe pwrite(
          descriptor, source.baseAddress, min(source.count, byteCount - offset), offset)
      }
      guard count > 0 || (count < 0 && errno == EINTR) else { return false }
      offset += max(count, 0)
    }
    return true
  }

  private static let zeroes = [UInt8](repeating: 0, count: 1 << 16)
}
