// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc
internal import PagePools

/// How much memory there is.
package enum MachineMemory {
  /// Bytes of RAM in the machine.
  package static let totalByteCount: Int = {
    sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
  }()

  /// Processors that this process may run on now, at least 1.
  package static var processorCount: Int {
    max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1)
  }

  /// From this size on, a request is compared with what is free now (pages): small ones cannot be the
  /// reason for running out, and asking costs 20 µs.
  private static let worthAsking = PageCount(inBytes: 16 << 20)

  /// Refuses a block that cannot fit.
  ///
  /// fallocate(2) on a memfd takes page after page until the machine has none left, and then the kernel
  /// kills a process; it does not ask first.
  ///
  /// - Throws: ENOMEM for more than the machine has or has available.
  static func check(_ pages: PageCount, _ faults: FaultPlan?) throws(HostFailure) {
    if let injected = faults?.errorNumber(.checkMemory) {
      throw HostFailure(.checkMemory, injected, byteCount: pages.byteCount)
    }
    guard pages >= worthAsking else { return }
    let missing = pages.byteCount - availableByteCount()
    guard missing <= 0 else {
      throw HostFailure(
        .checkMemory, ENOMEM, byteCount: pages.byteCount, missingByteCount: missing)
    }
  }

  /// Bytes that can be had without swapping, as the kernel estimates them; all there are when it
  /// does not say.
  package static func availableByteCount() -> Int {
    ProcessFile.number(in: "/proc/meminfo", after: "MemAvailable:").map { $0 * 1024 }
      ?? totalByteCount
  }
}
