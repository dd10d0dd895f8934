// SPDX-License-Identifier: MIT

import Foundation

/// Numbers with units, for people.
package enum Quantity {
  /// A duration with three significant digits.
  package static func duration(nanoseconds: Double) -> String {
    for (unit, scale) in [("s", 1e9), ("ms", 1e6), ("µs", 1e3)] where nanoseconds >= scale {
      return "\(threeDigits(nanoseconds / scale)) \(unit)"
    }
    return "\(Int(nanoseconds.rounded())) ns"
  }

  package static func duration(_ nanoseconds: UInt64) -> String {
    duration(nanoseconds: Double(nanoseconds))
  }

  /// The unit of the system's own memory reports: 1 kB = 1024 bytes.
  package static func kilobytes(_ byteCount: Int) -> String { "\(byteCount / 1024) kB" }

  /// How many times as much.
  package static func ratio(_ value: Double?) -> String {
    guard let value, value.isFinite else { return "" }
    return value >= 100 ? "\(Int(value.rounded()))x" : "\(threeDigits(value))x"
  }

  /// At most three digits that count, none after the decimal point from 100 on.
  package static func threeDigits(_ value: Double) -> String {
    String(format: value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : "%.2f", value)
  }
}
