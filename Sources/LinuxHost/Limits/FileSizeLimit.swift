// SPDX-License-Identifier: MIT

internal import Glibc

/// How long this process may make a file (RLIMIT_FSIZE), which holds for memfds, too.
enum FileSizeLimit {
  /// Refuses a length before the kernel does: that would send SIGXFSZ, which ends the process.
  ///
  /// - Throws: EFBIG.
  /// - Complexity: a system call of 100 ns.
  static func check(_ byteCount: Int) throws(HostFailure) {
    guard let limit = ResourceLimit.softLimit(Int32(RLIMIT_FSIZE.rawValue)), byteCount > limit
    else {
      return
    }
    throw HostFailure(.setLength, EFBIG, byteCount: byteCount)
  }
}
