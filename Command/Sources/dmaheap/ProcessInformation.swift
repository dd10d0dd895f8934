// SPDX-License-Identifier: MIT

import Foundation
import HeapBench

/// The file system of processes, which a guest or a container may lack.
enum ProcessInformation {
  /// Looks before anything else does: the Swift runtime ends a process that cannot read its arguments
  /// there.
  static func check() throws(Missing) {
    guard unsafe access("/proc/self/cmdline", R_OK) == 0 else { throw Missing(errorNumber: errno) }
  }

  /// It is not mounted.
  struct Missing: Error, CustomStringConvertible {
    let errorNumber: Int32

    var description: String {
      "/proc must be mounted; /proc/self/cmdline: \(SystemErrorText.of(errorNumber))"
    }
  }
}
