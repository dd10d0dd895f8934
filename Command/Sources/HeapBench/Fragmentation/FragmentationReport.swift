// SPDX-License-Identifier: MIT

import DMAHeaps

/// What one scenario left of a region, and what a large request met there.
package struct FragmentationReport: Sendable {
  let heap: String
  let scenario: String

  /// Before the requests.
  let region: RegionDescription

  let requested: ByteSize

  /// Whether the requests succeeded.
  let isServed: Bool

  /// Of each request, whatever came of it.
  let requests: LatencySummary

  /// Why they did not.
  let failure: HeapError?
}

extension FragmentationReport: Encodable {
  private enum CodingKeys: String, CodingKey {
    case heap, scenario, region, served, failure
    case byteCount = "bytes"
    case freeByteCount = "free_bytes"
    case largestRunByteCount = "largest_run_bytes"
    case requested = "requested_bytes"
    case requests = "request_ns"
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(heap, forKey: .heap)
    try container.encode(scenario, forKey: .scenario)
    try container.encode(region.name, forKey: .region)
    try container.encode(region.byteCount, forKey: .byteCount)
    try container.encode(region.freeByteCount, forKey: .freeByteCount)
    try container.encode(region.largestRunByteCount, forKey: .largestRunByteCount)
    try container.encode(requested.byteCount, forKey: .requested)
    try container.encode(isServed, forKey: .served)
    try container.encode(requests, forKey: .requests)
    try container.encodeIfPresent(failure.map { "\($0)" }, forKey: .failure)
  }
}

extension FragmentationReport {
  /// A table of all of them.
  package static func table(_ reports: [FragmentationReport]) -> String {
    var table = GridTable([
      .text("heap"), .text("region is"), .number("free"), .number("in one run"),
      .number("request"), .text("served"), .number("p50"), .number("p99"), .number("max"),
    ])
    for report in reports {
      table.append([
        report.heap, report.scenario, Quantity.kilobytes(report.region.freeByteCount),
        Quantity.kilobytes(report.region.largestRunByteCount), report.requested.description,
        report.isServed ? "yes" : "no", Quantity.duration(report.requests.p50),
        Quantity.duration(report.requests.p99), Quantity.duration(report.requests.max),
      ])
    }
    return table.text
  }
}
