// SPDX-License-Identifier: MIT

import Glibc

/// Waits until a condition holds.
///
/// - Returns: false when it does not hold within two minutes, which only a hang takes.
func waitUntil(_ condition: () -> Bool) -> Bool {
  for _ in 0..<120_000 {
    if condition() { return true }
    usleep(1_000)
  }
  return false
}
