// SPDX-License-Identifier: MIT

import ArgumentParser

/// Which of a heap's two interfaces is used.
enum AllocationInterface: String, CaseIterable, ExpressibleByArgument, Codable, Sendable {
  /// Memory mapped into this process, freed when dropped.
  case buffer

  /// A file descriptor, freed when its last copy is closed.
  case descriptor
}
