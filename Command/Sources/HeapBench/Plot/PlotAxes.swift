// SPDX-License-Identifier: MIT

import Foundation

/// Percentiles spread out the way latency plots do: each further nine takes the same room.
enum PercentileAxis {
  static let ticks = [0, 90, 99, 99.9, 99.99]

  /// Where a percentile lies, from 0 (the 0th) to 1 (the 99.99th).
  static func position(_ percentile: Double) -> Double {
    -log10(1 - min(percentile, 99.99) / 100) / 4
  }

  /// The percentile at a position.
  static func percentile(at position: Double) -> Double {
    100 * (1 - pow(10, -4 * position))
  }

  /// Percentiles close enough to each other to draw a curve, as far as `count` samples go.
  static func steps(count: Int) -> [Double] {
    let last = min(1, position(100 * (1 - 1 / Double(max(count, 2)))))
    return (0...120).map { percentile(at: last * Double($0) / 120) }
  }
}

/// Durations on a logarithmic scale of whole decades.
struct DurationAxis {
  let lowestDecade: Int
  let highestDecade: Int

  /// Decades that hold all `durations`, in nanoseconds.
  init(_ durations: [UInt64]) {
    let positive = durations.filter { $0 > 0 }.map { Double($0) }
    lowestDecade = Int(floor(log10(positive.min() ?? 1)))
    highestDecade = max(lowestDecade + 1, Int(ceil(log10(positive.max() ?? 10))))
  }

  var decades: ClosedRange<Int> { lowestDecade...highestDecade }

  /// Where a duration lies, from 0 to 1.
  func position(nanoseconds: Double) -> Double {
    let exponent = log10(max(nanoseconds, pow(10, Double(lowestDecade))))
    return (exponent - Double(lowestDecade)) / Double(highestDecade - lowestDecade)
  }

  /// A decade with its unit.
  static func label(decade: Int) -> String {
    let units = ["ns", "µs", "ms"]
    guard decade >= 0 else { return "" }
    let unit = decade / 3
    if unit < units.count {
      return "\(Int(pow(10, Double(decade % 3)))) \(units[unit])"
    }
    return "\(Int(pow(10, Double(decade - 9)))) s"
  }
}
