// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc

/// How much memory the machine has; what this process may have of it, ``MemoryLimits`` say.
package enum MachineMemory {
  /// Bytes of RAM in the machine.
  package static let totalByteCount: Int = {
    sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
  }()

  /// Processors that this process may run on now, at least 1.
  package static var processorCount: Int {
    max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1)
  }

  /// Bytes that can be had without swapping, as the kernel estimates them; all there are when it
  /// does not say.
  package static func availableByteCount() -> Int {
    ProcessFile.number(in: "/proc/meminfo", after: "MemAvailable:").map { $0 * 1024 }
      ?? totalByteCount
  }
}
