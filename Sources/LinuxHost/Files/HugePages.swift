// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc
internal import PagePools

/// How files get huge pages: a receiver that writes 32 MiB then pays for 16 page faults instead of 8192.
///
/// Measured for 32 MiB of zeroed shareable memory, µs: fallocate 6800, populating a mapping 20000, one page in
/// each 2 MiB and MADV_COLLAPSE 1500–1900, MADV_HUGEPAGE and populating 850–1300. A receiver's first write
/// through a plain mapping, then 15000 and 1000.
package enum HugePages {
  /// Bytes in one, and their alignment.
  static let byteCount = 2 << 20

  /// How this machine makes them.
  package enum Way: Sendable, Equatable {
    /// Shared memory gets them where it is advised to, or always: MADV_HUGEPAGE.
    case advised
    /// It gets none by itself, but pages can be collapsed into one: MADV_COLLAPSE, since Linux 6.1.
    case collapsed
    /// Not at all.
    case none
  }

  /// Read once: what the machine's owner has set, and what the kernel can do.
  package static let way: Way = {
    // Huge pages of another size than ours are left alone.
    let size = ProcessFile.number(in: "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
    guard size == byteCount else { return .none }
    return switch setting {
    case "deny": .none
    case "always", "within_size", "advise", "force": .advised
    default: .collapsed
    }
  }()

  /// What `shmem_enabled` is set to, nil where the kernel has no huge pages for shared memory.
  package static let setting: String? = {
    let words = ProcessFile.lines(of: "/sys/kernel/mm/transparent_hugepage/shmem_enabled")
      .first?.split(separator: " ")
    return words?.first { $0.hasPrefix("[") }.map { String($0.dropFirst().dropLast()) }
  }()

  /// How memory of 2 MiB and more gets huge pages here, and why so, for people.
  package static var explanation: String {
    let setting =
      setting.map { "shmem_enabled is \($0)" } ?? "the kernel has none for shared memory"
    return switch way {
    case .advised: "MADV_HUGEPAGE, as \(setting)"
    case .collapsed: "MADV_COLLAPSE, as \(setting)"
    case .none: "none, as \(setting)"
    }
  }

  /// Gives as many whole huge pages as it can to a mapping of an empty file.
  ///
  /// - Parameters:
  ///   - address: of the mapping, aligned to a huge page.
  ///   - byteCount: a multiple of a huge page.
  /// - Returns: bytes from the start that have memory now, all zero; the rest must be had in another way.
  ///   Memory that is short or fragmented is no error.
  /// - Context: blocks.
  static func populate(_ address: UnsafeMutableRawPointer, _ byteCount: Int) -> Int {
    switch way {
    case .none: return 0
    case .advised:
      guard unsafe madvise(address, byteCount, SHIM_MADV_HUGEPAGE) == 0,
        unsafe madvise(address, byteCount, SHIM_MADV_POPULATE_WRITE) == 0
      else { return 0 }
      return byteCount
    case .collapsed:
      // Asked for rather than touched: a touch that finds no memory is a fatal signal.
      let pageSize = HostPages.size.bytesPerPage
      for offset in stride(from: 0, to: byteCount, by: Self.byteCount) {
        guard unsafe madvise(address + offset, pageSize, SHIM_MADV_POPULATE_WRITE) == 0 else {
          return 0
        }
      }
      guard unsafe madvise(address, byteCount, SHIM_MADV_COLLAPSE) == 0 else { return 0 }
      return byteCount
    }
  }
}
