// SPDX-License-Identifier: MIT

import Foundation

/// What every figure of a run depends on.
package struct BenchEnvironment: Sendable {
  let processorCount: Int

  /// What one reading of the clock adds to each duration.
  let clockNanoseconds: UInt64

  package init() {
    processorCount = ProcessInfo.processInfo.activeProcessorCount
    clockNanoseconds = Reference.clockCost()
  }

  init(processorCount: Int, clockNanoseconds: UInt64) {
    self.processorCount = processorCount
    self.clockNanoseconds = clockNanoseconds
  }

  package var headerLine: String {
    "dmaheap bench: \(processorCount) CPUs, CLOCK_MONOTONIC, \(clockNanoseconds) ns per reading"
      + " (p50 of back-to-back calls)"
  }
}
