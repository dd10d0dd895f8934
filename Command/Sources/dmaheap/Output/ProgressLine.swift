// SPDX-License-Identifier: MIT

import CMeasurement

/// One line on a terminal that says how far a long run is.
///
/// Silent unless standard error is a terminal, and until the run has taken long enough that
/// somebody wonders. Clear it before anything else is printed.
struct ProgressLine {
  private static let patience: UInt64 = 500_000_000
  private static let interval: UInt64 = 100_000_000

  private let isEnabled: Bool
  private let start: UInt64
  private var lastUpdate: UInt64 = 0
  private var isShown = false

  init(isEnabled: Bool = StandardError.isTerminal) {
    self.isEnabled = isEnabled
    start = measurement_now()
  }

  /// Shows `text` in place of what was shown.
  ///
  /// Cheap when called too often.
  mutating func update(_ text: @autoclosure () -> String) {
    guard isEnabled else { return }
    let now = measurement_now()
    guard now - start >= Self.patience, now - lastUpdate >= Self.interval else { return }
    lastUpdate = now
    isShown = true
    StandardError.write("\r\u{1b}[K\(text())")
  }

  /// Removes the line.
  mutating func clear() {
    guard isShown else { return }
    isShown = false
    StandardError.write("\r\u{1b}[K")
  }
}
