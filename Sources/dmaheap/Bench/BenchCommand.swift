// SPDX-License-Identifier: MIT

import ArgumentParser
import CMeasurement
import DMAHeaps
import Foundation

/// The benchmark.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure allocation from pools, against the fastest plain memfd calls.",
    discussion: """
      Each pooled row allocates and frees a warm heap's memory; each fresh row does with plain \
      system calls what a program would do without heaps (memfd_create, ftruncate, populate, mmap, \
      munmap, close), by the fastest of several ways, which it names. Untouched rows free what they \
      got as it is; touched rows write every byte first, so that it must be zeroed again. The ratio \
      fresh/pooled compares median allocation times of untouched rows, and mean times of whole \
      cycles of touched rows.

      EXAMPLES
        dmaheap bench                                    all, in under two minutes
        dmaheap bench --size 32M --api buffer --untouched
        dmaheap bench --burst 1000 --size 4K --size 64K  a thousand live at once
        dmaheap bench --threads 2 --size 1M              against one thread
        dmaheap bench --json --plot latency.svg > rows.json
      """)

  @OptionGroup var workload: BenchOptions
  @OptionGroup var limits: HeapSystemOptions

  @Flag(help: "Print one JSON object per row and line.")
  var json = false

  @Option(help: "Draw the latency distributions into this SVG file.", completion: .file())
  var plot: String?

  func validate() throws {
    try workload.validateCombination()
  }

  func run() throws {
    _ = measurement_raise_descriptor_limit()
    let system = try limits.makeSystem()
    let plan = try BenchPlan(workload, system: system)
    if let plot, !FileManager.default.createFile(atPath: plot, contents: nil) {
      throw OutputFileError(path: plot, errorNumber: errno)
    }
    var runner = BenchRunner(system: system, options: workload)
    var output = BenchOutput(json: json, environment: runner.environment)
    output.begin()
    var series: [PlotSeries] = []
    do {
      // What was measured before a failure is worth seeing all the same.
      defer { output.end() }
      for (index, subject) in plan.subjects.enumerated() {
        let title = "\(index + 1)/\(plan.subjects.count) \(subject)"
        for row in try runner.measure(subject, title: title) {
          try output.add(row.report)
          if plot != nil { series.append(PlotSeries(row)) }
        }
      }
    }
    if let plot {
      try Data(LatencyPlot(series: series).svg.utf8).write(to: URL(fileURLWithPath: plot))
    }
  }
}

/// A file that cannot be written.
struct OutputFileError: Error, CustomStringConvertible {
  let path: String
  let errorNumber: Int32

  var description: String { "cannot write '\(path)': \(SystemErrorText.of(errorNumber))" }
}
