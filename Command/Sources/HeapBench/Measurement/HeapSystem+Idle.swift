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
    wait(nanoseconds: 2_000_000_000) { isIdle }
  }

  /// Waits until what was given away is made anew, too: for at most 100 ms, as memory may be short.
  func waitUntilReady() {
    waitUntilIdle()
    wait(nanoseconds: 100_000_000) { isReady }
  }

  private func wait(nanoseconds: UInt64, until condition: () -> Bool) {
    let deadline = measurement_now() + nanoseconds
    while measurement_now() < deadline {
      if condition() { return }
      usleep(50)
    }
  }

  /// How often one heap found its pool empty.
  func poolMisses(of heap: String) -> Int {
    statistics().heaps.first { $0.name == heap }?.poolMisses ?? 0
  }
}
