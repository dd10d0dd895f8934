// SPDX-License-Identifier: MIT

import ArgumentParser
import CMeasurement
import DMAHeaps
import HeapBench

/// Shows pools and totals after a run.
struct StatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stat",
    abstract: "Run a workload and show what it left in the pools.",
    discussion: """
      Heaps belong to a process, so there is nothing to see before something ran: the command \
      allocates and frees first, waits until the memory is zeroed, and prints the pools (one \
      column per block size, one line per attribute set), the totals, and where every byte is \
      that was taken from the source.

      EXAMPLES
        dmaheap stat
        dmaheap stat --size 64K --burst 1000 --iterations 10000
        dmaheap stat --size 32M --touched --json
      """)

  @Option(help: "Heap to allocate from.")
  var heap = "system"

  @Option(help: "Size of each allocation. (default: 1M)", transform: ByteSize.parseArgument)
  var size = ByteSize(byteCount: 1 << 20)

  @Option(name: .customLong("api"), help: "Interface to use.")
  var interface: AllocationInterface = .buffer

  @Option(help: "Allocations to make. (default: 100)", transform: CountArgument.parse)
  var iterations = 100

  @Option(help: "Allocations live at once. (default: 1)", transform: CountArgument.parse)
  var burst = 1

  @Flag(help: "Write every byte before freeing.")
  var touched = false

  @OptionGroup var limits: HeapSystemOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    _ = measurement_raise_descriptor_limit()
    let system = try limits.makeSystem()
    let client = BurstingClient(
      heap: heap, interface: interface, size: size, iterations: iterations, burst: burst,
      touched: touched)
    var progress = ProgressLine()
    defer { progress.clear() }
    try client.run(on: system) { progress.update($0()) }
    progress.clear()
    let report = StatReport(system.statistics())
    if json {
      try Output.json(report)
    } else {
      try Output.line(report.text)
    }
  }
}
