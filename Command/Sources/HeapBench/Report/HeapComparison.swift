// SPDX-License-Identifier: MIT

/// A heap's row set against the same row of the run's first heap: this one's figures by that one's, so
/// that less than 1 is faster.
struct HeapComparison: Encodable, Sendable {
  /// The heap that the row is compared with.
  let heap: String

  /// Of the median allocation; nil, here as below, where the other figure is 0.
  let allocationMedian: Double?

  /// Of the 99th percentile of allocations.
  let allocation99: Double?

  /// Of the worst allocation.
  let allocationMaximum: Double?

  /// Of the mean of whole cycles.
  let cycle: Double?

  /// Of the median cycle, which a machine's hiccups do not reach.
  let cycleMedian: Double?

  /// The other's figures, for people.
  let otherMedian: UInt64
  let otherCycle: Double

  init(of report: BenchReport, with other: BenchReport) {
    heap = other.heap
    allocationMedian = Self.ratio(report.allocations.p50, other.allocations.p50)
    allocation99 = Self.ratio(report.allocations.p99, other.allocations.p99)
    allocationMaximum = Self.ratio(report.allocations.max, other.allocations.max)
    cycle =
      other.nanosecondsPerCall > 0 ? report.nanosecondsPerCall / other.nanosecondsPerCall : nil
    cycleMedian = Self.ratio(report.cycles.p50, other.cycles.p50)
    otherMedian = other.allocations.p50
    otherCycle = other.nanosecondsPerCall
  }

  private static func ratio(_ own: UInt64, _ other: UInt64) -> Double? {
    other > 0 ? Double(own) / Double(other) : nil
  }

  private enum CodingKeys: String, CodingKey {
    case heap, cycle
    case allocationMedian = "alloc_p50"
    case allocation99 = "alloc_p99"
    case allocationMaximum = "alloc_max"
    case cycleMedian = "cycle_p50"
  }
}
