// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// How many descriptors this process may have (RLIMIT_NOFILE), and what pools may hold of them (U1).
package enum DescriptorLimit {
  /// The soft limit as it is now; nil for none.
  ///
  /// - Complexity: a system call of 100 ns.
  package static var current: Int? { ResourceLimit.softLimit(SHIM_RLIMIT_NOFILE) }

  /// The most descriptors that pooled files may hold: a quarter.
  ///
  /// The rest is the program's.
  package static var mostPooled: Int { current.map { $0 / 4 } ?? .max }
}
