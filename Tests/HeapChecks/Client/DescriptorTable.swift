// SPDX-License-Identifier: MIT

import CLinuxShims
import Glibc

/// The descriptors of this process.
enum DescriptorTable {
  /// More than any check opens; the table itself may be larger.
  private static let end: Int32 = 2048

  /// How many are open.
  static var openCount: Int {
    (0..<end).count { shim_fcntl_int($0, F_GETFD, 0) >= 0 }
  }

  /// The number that the next descriptor will get.
  static var nextNumber: Int32 {
    let probe = shim_open("/dev/null", O_RDONLY | O_CLOEXEC)
    close(probe)
    return probe
  }

  static func isOpen(_ descriptor: Int32) -> Bool {
    shim_fcntl_int(descriptor, F_GETFD, 0) >= 0
  }

  /// Runs `body` while no descriptor can be had.
  static func whileFull<Result>(_ body: () throws -> Result) throws -> Result {
    var soft: UInt64 = 0
    var hard: UInt64 = 0
    guard shim_getrlimit(SHIM_RLIMIT_NOFILE, &soft, &hard) == 0 else {
      throw SystemFailure("getrlimit")
    }
    guard shim_setrlimit(SHIM_RLIMIT_NOFILE, UInt64(nextNumber), hard) == 0 else {
      throw SystemFailure("setrlimit")
    }
    defer { _ = shim_setrlimit(SHIM_RLIMIT_NOFILE, soft, hard) }
    return try body()
  }
}
