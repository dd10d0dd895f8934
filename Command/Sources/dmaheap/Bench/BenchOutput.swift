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

  func begin() {
    if !json { Output.line(environment.headerLine) }
  }

  mutating func add(_ report: BenchReport) throws {
    if json {
      try Output.json(report)
    } else {
      reports.append(report)
      if report.pooled, !report.touched { Output.line(report.seriesLine) }
    }
  }

  func end() {
    guard !json, !reports.isEmpty else { return }
    Output.line("")
    Output.line(BenchTable.text(reports))
    for section in [
      BenchTable.comparisons, BenchTable.warmPath, BenchTable.reopens, BenchTable.throughput,
    ] {
      if let text = section(reports) { Output.line("\n\(text)") }
    }
    let remarks = BenchTable.remarks(reports)
    if !remarks.isEmpty { Output.line("\n" + remarks.joined(separator: "\n")) }
  }
}
