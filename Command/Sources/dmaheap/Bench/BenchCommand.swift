// SPDX-License-Identifier: MIT

import ArgumentParser
import CMeasurement
import DMAHeaps
import HeapBench

/// The benchmark.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure allocation from pools, against the fastest plain memfd calls.",
    discussion: """
      Each pooled row allocates and frees a warm heap's memory; each fresh row does with plain \
      system calls what a program would do without heaps (memfd_create, ftruncate, populate, mmap, \
      munmap, close), by the fastest of several ways, which it names. From 2 MiB on, collapsing rows do \
      the same with huge pages that need nobody's leave (MADV_COLLAPSE, Linux 6.1), the best that can be \
      had without a library. Untouched rows free what they \
      got as it is; touched rows write every byte first, so that it must be zeroed again. The ratio \
      fresh/pooled compares median allocation times of untouched rows, and mean times of whole \
      cycles of touched rows. What a descriptor costs its receiver is told of touched rows: the first \
      write to every page of a plain mapping, and munmap.

      Heaps of a region (--config, --dtb) have buffers only, and no rows of descriptors.

      With --source kernel, rows are those of heaps in /dev/dma_heap, whoever made them: untouched \
      rows allocate and close, touched ones also map, write a byte of each page and unmap, as fast as \
      they can. Heaps take turns; each one's row is compared with that of the first, and a ratio \
      below 1 is faster than the first. A burst begins when its memory has had time to be zeroed.

      EXAMPLES
        dmaheap bench                                    all, in some two minutes
        dmaheap bench --size 32M --api buffer --untouched
        dmaheap bench --burst 1000 --size 4K --size 64K  a thousand live at once
        dmaheap bench --threads 2 --size 1M              against one thread
        dmaheap bench --in-place --api descriptor --touched   memory that is zeroed and used again
        dmaheap bench --config board.toml --heap camera --fragment --size 300M
        dmaheap bench --dtb board.dtb --heap camera@50000000 --size 1M
        dmaheap bench --json --plot latency.svg > rows.json
        dmaheap bench --source kernel --heap system --heap reserved   two nodes, row by row
        dmaheap bench --source kernel --burst 64 --size 1M
        dmaheap bench --source kernel --cold             pools emptied before each allocation
      """)

  @OptionGroup var options: BenchOptions
  @OptionGroup var limits: HeapSystemOptions

  @Flag(help: "Print one JSON object per row and line.")
  var json = false

  @Option(help: "Draw the latency distributions into this SVG file.", completion: .file())
  var plot: String?

  func validate() throws {
    try options.validateCombination()
    if options.source == .kernel, limits.areGiven {
      throw ValidationError(
        """
        --pool-size, --deferred-size, --in-place, --config, --dtb and --device-tree are for heaps of this \
        process
        """)
    }
  }

  func run() throws {
    _ = measurement_raise_descriptor_limit()
    var workload = options.workload
    workload.isInPlace = limits.inPlace
    switch workload.source {
    case .memfd where options.fragment:
      try fragment(try limits.makeSystem())
    case .memfd:
      let system = try limits.makeSystem()
      let plan = try BenchPlan(workload, system: system)
      try checkPlotFile()
      let runner = BenchRunner(system: system, workload: workload)
      try measure(plan.subjects, runner.environment) { subject, progress in
        try runner.measure(subject, progress: progress)
      }
    case .kernel:
      let plan = try KernelBenchPlan(workload)
      try checkPlotFile()
      let runner = try KernelBenchRunner(workload: workload)
      try measure(plan.subjects, runner.environment) { subject, progress in
        progress("by turns")
        return try runner.measure(subject)
      }
    }
  }

  /// What the heaps' regions can still give when they are in pieces.
  private func fragment(_ system: HeapSystem) throws {
    var reports: [FragmentationReport] = []
    var progress = ProgressLine()
    defer { progress.clear() }
    for name in options.heaps {
      for size in options.fragmentSizes {
        let bench = try FragmentationBench(
          heap: name, of: system, size: size, steps: options.iterations ?? 10_000)
        reports += bench.run { progress.update("\(name): \($0)") }
      }
    }
    progress.clear()
    if json {
      for report in reports { try Output.json(report) }
    } else {
      try Output.line(FragmentationReport.table(reports))
    }
  }

  /// Nothing is worth measuring for a picture that cannot be written.
  private func checkPlotFile() throws {
    if let plot { try Output.file(plot, "") }
  }

  /// Prints the rows that `rows` measures for each subject, which it tells of as it goes.
  private func measure<Subject: CustomStringConvertible>(
    _ subjects: [Subject], _ environment: BenchEnvironment,
    rows: (Subject, (String) -> Void) throws -> [BenchRow]
  ) throws {
    var output = BenchOutput(json: json, environment: environment)
    try output.begin()
    var series: [PlotSeries] = []
    var progress = ProgressLine()
    defer { progress.clear() }
    do {
      for (index, subject) in subjects.enumerated() {
        let measured = try rows(subject) {
          progress.update("\(index + 1)/\(subjects.count) \(subject): \($0)")
        }
        progress.clear()
        for row in measured {
          try output.add(row.report)
          if plot != nil { series.append(PlotSeries(row)) }
        }
      }
    } catch let error as BenchFailure {
      progress.clear()
      // What was measured before a failure is worth seeing all the same.
      try output.end()
      throw error
    }
    try output.end()
    if let plot { try Output.file(plot, LatencyPlot(series: series).svg) }
  }
}
