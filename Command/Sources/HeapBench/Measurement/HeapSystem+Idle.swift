// SPDX-License-Identifier: MIT

import CMeasurement
@_spi(Command) import DMAHeaps
import Foundation

extension HeapSystem {
  /// Waits until everything that was freed is back in the pools, for at most two seconds.
  ///
  /// A closed descriptor counts as in use until the library has noticed, so callers must hold
  /// nothing themselves.
  func waitUntilIdle() {
    let deadline = measurement_now() + 2_000_000_000
    while measurement_now() < deadline {
      if isIdle { return }
      usleep(50)
    }
  }

  /// How often one heap found its pool empty.
  func poolMisses(of heap: String) -> Int {
    statistics().heaps.first { $0.name == heap }?.poolMisses ?? 0
  }
}
