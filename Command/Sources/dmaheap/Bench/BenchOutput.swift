// SPDX-License-Identifier: MIT

import HeapBench

/// Prints rows: as they come in JSON, with a table at the end for people.
struct BenchOutput {
  let json: Bool
  let environment: BenchEnvironment
  private var reports: [BenchReport] = []

  init(json: Bool, environment: BenchEnvironment) {
    self.json = json
    self.environment = environment
  }

  func begin() throws {
    if !json { try Output.line(environment.headerLine) }
  }

  mutating func add(_ report: BenchReport) throws {
    if json {
      try Output.json(report)
    } else {
      reports.append(report)
      if report.pooled, !report.touched { try Output.line(report.seriesLine) }
    }
  }

  func end() throws {
    guard !json, !reports.isEmpty else { return }
    try Output.line("")
    try Output.line(BenchTable.text(reports))
    for section in [
      BenchTable.comparisons, BenchTable.warmPath, BenchTable.reopens, BenchTable.receivers,
      BenchTable.throughput,
    ] {
      if let text = section(reports) { try Output.line("\n\(text)") }
    }
    let remarks = BenchTable.remarks(reports)
    if !remarks.isEmpty { try Output.line("\n" + remarks.joined(separator: "\n")) }
  }
}
