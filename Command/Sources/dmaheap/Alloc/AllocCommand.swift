// SPDX-License-Identifier: MIT

import ArgumentParser
import CMeasurement
import HeapBench

/// Allocates, checks, holds and frees.
struct AllocCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "alloc",
    abstract: "Allocate memory from a heap, hold it, and free it.",
    discussion: """
      EXAMPLES
        dmaheap alloc --size 1MiB --count 100 --verify   checked to be zero
        dmaheap alloc --size 2G --hold 60 --api descriptor
        dmaheap alloc --size 64KiB --json
        dmaheap alloc --source kernel --verify           a dma-buf from /dev/dma_heap/system
        dmaheap alloc --config board.toml --heap camera --size 95M
        dmaheap alloc --dtb board.dtb --heap camera@50000000 --size 95M
      """)

  @Option(help: "Whose heap to use: this process's (memfd), or the kernel's in /dev/dma_heap.")
  var source: HeapSource = .memfd

  @Option(help: "Heap to allocate from.")
  var heap = "system"

  @Option(help: "Size of each allocation. (default: 1M)", transform: ByteSize.parseArgument)
  var size = ByteSize(byteCount: 1 << 20)

  @Option(help: "How many to have at once. (default: 1)", transform: CountArgument.parse)
  var count = 1

  @Option(help: "Seconds to hold them for.")
  var hold: Double = 0

  @Option(
    name: .customLong("api"),
    help: "Interface to use. (default: buffer; descriptor with --source kernel)")
  var interface: AllocationInterface?

  @OptionGroup var regions: RegionOptions

  @Flag(help: "Check that every byte is zero.")
  var verify = false

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard hold >= 0, hold <= 1e9 else {
      throw ValidationError("'\(hold)' is no time to hold; from 0 to 1000000000 seconds")
    }
    if source == .kernel, interface == .buffer {
      throw ValidationError("kernel heaps have no buffers; use --api descriptor, or leave it out")
    }
    if source == .kernel, regions.areGiven {
      throw ValidationError("--config, --dtb and --device-tree are for heaps of this process")
    }
  }

  func run() throws {
    _ = measurement_raise_descriptor_limit()
    let client = HoldingClient(
      source: source, configuration: try regions.makeConfiguration(), heap: heap,
      interface: interface ?? (source == .kernel ? .descriptor : .buffer), size: size,
      count: count, verifies: verify, holdSeconds: hold)
    var progress = ProgressLine()
    defer { progress.clear() }
    let report = AllocReport(client, try client.run { progress.update($0()) })
    progress.clear()
    if json {
      try Output.json(report)
    } else {
      try Output.line(report.text)
    }
  }
}
