// SPDX-License-Identifier: MIT

/// Which of a heap's two interfaces is used.
package enum AllocationInterface: String, CaseIterable, Codable, Sendable {
  /// Memory mapped into this process, freed when dropped.
  case buffer

  /// A file descriptor, freed when its last copy is closed.
  case descriptor
}
