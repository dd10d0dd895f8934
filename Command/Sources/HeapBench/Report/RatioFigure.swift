// SPDX-License-Identifier: MIT

/// The figure by which fresh and pooled memory are compared.
///
/// Untouched: the median allocation, which is what the pool shortens. Touched: the mean of whole
/// cycles, for zeroing has to be paid by somebody, and a median would hide when.
enum RatioFigure: String {
  case allocationMedian = "alloc p50"
  case cycleMean = "cycle"

  init(touched: Bool) {
    self = touched ? .cycleMean : .allocationMedian
  }

  func value(of samples: Samples) -> Double {
    switch self {
    case .allocationMedian:
      Double(LatencyDistribution(samples.allocations).value(atPercentile: 50))
    case .cycleMean:
      samples.nanosecondsPerCycle
    }
  }

  func value(of report: BenchReport) -> Double {
    switch self {
    case .allocationMedian: Double(report.allocations.p50)
    case .cycleMean: report.nanosecondsPerCall
    }
  }
}
