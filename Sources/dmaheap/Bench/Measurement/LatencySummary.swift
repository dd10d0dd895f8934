// SPDX-License-Identifier: MIT

import Histogram

/// The shape of a distribution of durations, in nanoseconds.
struct LatencySummary: Codable, Equatable, Sendable {
  let p50: UInt64
  let p99: UInt64
  let p999: UInt64
  let max: UInt64

  init(_ distribution: LatencyDistribution) {
    p50 = distribution.value(atPercentile: 50)
    p99 = distribution.value(atPercentile: 99)
    p999 = distribution.value(atPercentile: 99.9)
    max = distribution.max
  }
}

/// Durations with three significant digits.
struct LatencyDistribution: Sendable {
  private var histogram: Histogram<UInt64>

  /// The longest, exactly.
  let max: UInt64

  init(_ durations: [UInt64]) {
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
