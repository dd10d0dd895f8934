// SPDX-License-Identifier: MIT

internal import Glibc
package import PagePools

/// Pages of this machine, as its kernel has them.
package enum HostPages {
  /// How large one is.
  package static let size = PageSize(
    shift: sysconf(Int32(_SC_PAGESIZE)).trailingZeroBitCount)
}

extension PageCount {
  /// The size of these pages in bytes.
  package var byteCount: Int { HostPages.size.bytes(in: self) }

  /// The whole pages in so many bytes.
  package init(inBytes byteCount: Int) {
    self = HostPages.size.pages(inBytes: byteCount)
  }
}
