// SPDX-License-Identifier: MIT

/// The rows as tables.
package enum BenchTable {
  /// The main table: one line per row.
  package static func text(_ reports: [BenchReport]) -> String {
    var table = GridTable([
      .text("heap"), .text("source"), .text("api"), .number("size"), .text("memory"),
      .text("contents"), .number("cycles"), .number("alloc p50"), .number("p99"),
      .number("p99.9"), .number("max"), .number("ns/cycle"), .number("fresh/pooled"),
      .number("collapsing/pooled"), .text("of"), .number("misses"), .text("method"),
    ])
    for report in reports {
      table.append([
        report.heap, report.source, report.interface.rawValue, report.size.description,
        report.memoryName, report.touched ? "touched" : "untouched", "\(report.iterations)",
        Quantity.duration(report.allocations.p50), Quantity.duration(report.allocations.p99),
        Quantity.duration(report.allocations.p999), Quantity.duration(report.allocations.max),
        "\(Int(report.nanosecondsPerCall.rounded()))", Quantity.ratio(report.freshToPooled),
        Quantity.ratio(report.collapsingToPooled),
        report.freshToPooled ?? report.collapsingToPooled == nil
          ? "" : RatioFigure(touched: report.touched).rawValue,
        report.poolMisses.map(String.init) ?? "", report.method ?? "",
      ])
    }
    return table.withoutEmptyColumns.text
  }

  /// Heaps of the kernel, row by row, against the first.
  package static func comparisons(_ reports: [BenchReport]) -> String? {
    var table = GridTable([
      .text("against the first heap"), .number("alloc p50"), .number("first's"), .number("ratio"),
      .number("p99 ratio"), .number("max ratio"), .number("ns/cycle"), .number("first's"),
      .number("ratio"),
    ])
    for report in reports {
      guard let comparison = report.comparison else { continue }
      table.append([
        "\(report.heap) / \(comparison.heap) \(report.size) \(contents(report))",
        Quantity.duration(report.allocations.p50), Quantity.duration(comparison.otherMedian),
        Quantity.ratio(comparison.allocationMedian), Quantity.ratio(comparison.allocation99),
        Quantity.ratio(comparison.allocationMaximum),
        "\(Int(report.nanosecondsPerCall.rounded()))",
        "\(Int(comparison.otherCycle.rounded()))", Quantity.ratio(comparison.cycle),
      ])
    }
    return table.rows.isEmpty ? nil : table.text
  }

  /// Allocation and system calls of warm cycles.
  package static func warmPath(_ reports: [BenchReport]) -> String? {
    var table = GridTable([
      .text("warm path of"), .number("cycles"), .number("malloc calls"),
      .number("cycles with a system call"),
    ])
    for report in reports {
      guard let count = report.warmPath else { continue }
      table.append([
        title(report), "\(count.cycles)", count.allocationCalls.map(String.init) ?? "unknown",
        count.systemCallCycles.map(String.init) ?? "unknown",
      ])
    }
    return table.rows.isEmpty ? nil : table.text
  }

  /// Descriptors against a bare second open.
  package static func reopens(_ reports: [BenchReport]) -> String? {
    var table = GridTable([
      .text("descriptor against a bare reopen"), .number("alloc p50"), .number("reopen p50"),
      .number("alloc/reopen"),
    ])
    for report in reports {
      guard let reopen = report.reopen else { continue }
      table.append([
        title(report), Quantity.duration(report.allocations.p50), Quantity.duration(reopen.p50),
        Quantity.ratio(report.allocationToReopen),
      ])
    }
    return table.rows.isEmpty ? nil : table.text
  }

  /// What descriptors cost those who receive them.
  package static func receivers(_ reports: [BenchReport]) -> String? {
    var table = GridTable([
      .text("a receiver of"), .text("memory"), .number("first write p50"), .number("p99"),
      .number("munmap p50"), .number("p99"), .text("method"),
    ])
    for report in reports {
      guard let receiver = report.receiver else { continue }
      table.append([
        "\(report.heap) \(report.interface) \(report.size)", report.memoryName,
        Quantity.duration(receiver.firstWrite.p50), Quantity.duration(receiver.firstWrite.p99),
        Quantity.duration(receiver.unmapping.p50), Quantity.duration(receiver.unmapping.p99),
        receiver.method ?? "",
      ])
    }
    return table.rows.isEmpty ? nil : table.withoutEmptyColumns.text
  }

  /// What several threads did together.
  package static func throughput(_ reports: [BenchReport]) -> String? {
    var table = GridTable([
      .text("throughput of"), .text("memory"), .number("threads"), .number("operations/s"),
      .number("of one thread"), .number("ratio"),
    ])
    for report in reports {
      guard let throughput = report.throughput else { continue }
      table.append([
        title(report), report.memoryName, "\(throughput.threads)",
        "\(Int(throughput.operationsPerSecond))",
        "\(Int(throughput.singleThreadOperationsPerSecond))", Quantity.ratio(throughput.scaling),
      ])
    }
    return table.rows.isEmpty ? nil : table.text
  }

  /// What a reader must know about single rows.
  package static func remarks(_ reports: [BenchReport]) -> [String] {
    var remarks: [String] = []
    if let wanted = reports.map(\.wantedIterations).max(),
      reports.contains(where: { $0.iterations < $0.wantedIterations })
    {
      remarks.append(
        "note: rows with fewer than \(wanted) cycles were cut short to keep the run short")
    }
    if reports.contains(where: \.isPaced) {
      remarks.append(
        "note: descriptors of untouched memory: between cycles, untimed, the pool gets what it is to have"
          + " ready; --sustained does not wait")
    }
    if reports.contains(where: \.isCold) {
      remarks.append(
        "note: cold: before each allocation or burst, untimed, \(CacheDrop.path) made the kernel give"
          + " back what its heaps keep, and its other caches")
    }
    for report in reports {
      for note in report.notes { remarks.append("note: \(title(report)): \(note)") }
    }
    return remarks
  }

  private static func title(_ report: BenchReport) -> String {
    "\(report.heap) \(report.interface) \(report.size) \(contents(report))"
  }

  private static func contents(_ report: BenchReport) -> String {
    (report.touched ? "touched" : "untouched") + (report.isCold ? ", cold" : "")
  }
}
