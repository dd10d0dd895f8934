// SPDX-License-Identifier: MIT

import ArgumentParser
import HeapBench

/// What is measured.
struct BenchOptions: ParsableArguments {
  @Option(help: "Whose heaps to measure: this process's (memfd), or the kernel's in /dev/dma_heap.")
  var source: HeapSource = .memfd

  @Option(
    name: .customLong("heap"),
    help: "Heap to measure; may be given again. The kernel's are compared with the first.")
  var heaps: [String] = ["system"]

  @Option(
    name: .customLong("size"),
    help: "Size to measure; may be given again. (default: 4K, 1M, 8M, 32M)",
    transform: ByteSize.parseArgument)
  var sizes: [ByteSize] = []

  @Option(name: .customLong("api"), help: "Interface to measure; may be given again.")
  var interfaces: [AllocationInterface] = AllocationInterface.allCases

  @Option(
    help: """
      Cycles of each pooled row; fresh rows make as many or what fits into two seconds. \
      (default: 5000, fewer where that would take long)
      """,
    transform: CountArgument.parse)
  var iterations: Int?

  @Option(help: "Allocations live at once. (default: 1)", transform: CountArgument.parse)
  var burst: Int = 1

  @Option(
    help: "Threads that each make all the cycles, for their throughput. (default: 1)",
    transform: CountArgument.parse)
  var threads: Int = 1

  @Flag(help: "Only rows whose memory is written before it is freed.")
  var touched = false

  @Flag(help: "Only rows whose memory is freed as it came.")
  var untouched = false

  @Flag(
    help: """
      Measure descriptors of untouched memory without waiting between cycles until the pool has what \
      it is to have ready.
      """)
  var sustained = false

  @Flag(
    help: """
      Kernel heaps only: empty their pools before each allocation or burst, untimed, through \
      /proc/sys/vm/drop_caches, which drops much else and wants root.
      """)
  var cold = false

  @Flag(
    help: """
      Heaps of regions only: what a large request meets when the region is in pieces. --size is that \
      request's, --iterations the steps that are taken at random before one of them.
      """)
  var fragment = false

  @Flag(name: .customLong("no-fresh"), help: "No rows of plain system calls.")
  var noFresh = false

  /// The options as the benchmark takes them.
  var workload: BenchWorkload {
    var workload = BenchWorkload()
    workload.source = source
    workload.heaps = heaps
    if !sizes.isEmpty { workload.sizes = sizes }
    workload.interfaces = interfaces
    workload.touches = touched == untouched ? [false, true] : [touched]
    workload.iterations = iterations
    workload.burst = burst
    workload.threads = threads
    workload.isSustained = sustained
    workload.isCold = cold
    workload.hasFreshRows = !noFresh
    return workload
  }

  /// Sizes of requests with --fragment; nil for one that fits the region.
  var fragmentSizes: [ByteSize?] { sizes.isEmpty ? [nil] : sizes }

  func validateCombination() throws {
    if fragment, source == .kernel {
      throw ValidationError(
        "--fragment is for heaps of this process; it gets in the way of whoever uses the kernel's")
    }
    if fragment, burst > 1 || threads > 1 {
      throw ValidationError(
        "--fragment makes requests one at a time, without --burst and --threads")
    }
    if burst > 1, threads > 1 {
      throw ValidationError("--burst and --threads cannot be combined; measure one at a time")
    }
    if source == .kernel, !interfaces.contains(.descriptor) {
      throw ValidationError("kernel heaps have no buffers; use --api descriptor, or leave it out")
    }
    if cold, source != .kernel {
      throw ValidationError("--cold is for kernel heaps; add --source kernel")
    }
    if cold, threads > 1 {
      throw ValidationError("--cold and --threads cannot be combined")
    }
    if threads > 1024 {
      throw ValidationError("'\(threads)' threads are too many; the most is 1024")
    }
  }
}
