// SPDX-License-Identifier: MIT

/// Which version of the project this is.
enum Version {
  /// As semver.org has it; that of the kernel module, in `swift_dma_heaps.h`, is the same.
  static let current = "0.1.0"
}
