// SPDX-License-Identifier: MIT

import Histogram

/// The shape of a distribution of durations, in nanoseconds.
package struct LatencySummary: Codable, Equatable, Sendable {
  package let p50: UInt64
  package let p99: UInt64
  package let p999: UInt64
  package let max: UInt64

  package init(_ distribution: LatencyDistribution) {
    p50 = distribution.value(atPercentile: 50)
    p99 = distribution.value(atPercentile: 99)
    p999 = distribution.value(atPercentile: 99.9)
    max = distribution.max
  }
}

/// Durations with three significant digits.
package struct LatencyDistribution: Sendable {
  private var histogram: Histogram<UInt64>

  /// The longest, exactly.
  package let max: UInt64

  package init(_ durations: [UInt64]) {
    histogram = Histogram(numberOfSignificantValueDigits: .three)
    for duration in durations { histogram.record(duration) }
    max = durations.max() ?? 0
  }

  /// The duration that `percentile` percent do not exceed.
  func value(atPercentile percentile: Double) -> UInt64 {
    // The histogram answers with the upper end of a bucket, which can lie above what was measured.
    Swift.min(histogram.valueAtPercentile(percentile), max)
  }

  var count: Int { Int(histogram.totalCount) }
}
