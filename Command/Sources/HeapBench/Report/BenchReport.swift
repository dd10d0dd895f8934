// SPDX-License-Identifier: MIT

import DMAHeaps

/// One row: what was measured, and how.
package struct BenchReport: Sendable {
  let heap: String
  let source: String
  let interface: AllocationInterface
  let size: ByteSize
  package let touched: Bool
  package let pooled: Bool
  let iterations: Int
  let elapsedNanoseconds: UInt64
  let nanosecondsPerCall: Double
  let allocations: LatencySummary
  let cycles: LatencySummary
  let environment: BenchEnvironment

  /// Which of several ways was the fastest; nil where there is one way.
  let method: String?

  /// Of one thread; more than were made where the row would have taken long.
  var wantedIterations: Int

  var burst = 1
  var throughput: Throughput?

  /// Times the pool was empty while the row was measured; nil for fresh rows.
  var poolMisses: Int?

  /// Of pooled buffer rows.
  var warmPath: WarmPathCount?

  /// Of pooled descriptor rows.
  var reopen: LatencySummary?

  /// How many times as long fresh memory takes; of pooled rows that have a rival.
  var freshToPooled: Double?

  var notes: [String] = []

  /// The row against that of the run's first heap; of kernel heaps from the second on.
  var comparison: HeapComparison?

  /// Whether the pools were emptied before each round.
  var isCold = false

  /// Whether the row waited between cycles until its memory was back in the pool.
  var isPaced = false

  init(
    subject: BenchSubject, environment: BenchEnvironment, pooled: Bool, method: String?,
    samples: Samples, allocations: LatencySummary
  ) {
    self.init(
      heap: subject.heap.name, source: subject.source, interface: subject.interface,
      size: subject.size, touched: subject.touched, pooled: pooled, method: method,
      environment: environment, samples: samples, allocations: allocations)
  }

  init(
    heap: String, source: String, interface: AllocationInterface, size: ByteSize, touched: Bool,
    pooled: Bool, method: String?, environment: BenchEnvironment, samples: Samples,
    allocations: LatencySummary
  ) {
    self.heap = heap
    self.source = pooled ? source : "memfd"
    self.interface = interface
    self.size = size
    self.touched = touched
    self.pooled = pooled
    self.method = method
    self.environment = environment
    self.allocations = allocations
    iterations = samples.count
    wantedIterations = samples.count
    elapsedNanoseconds = samples.elapsed
    nanosecondsPerCall = samples.nanosecondsPerCycle
    cycles = LatencySummary(LatencyDistribution(samples.cycles))
  }

  /// How many times as long the rival takes, by the figure that fits the row.
  func ratio(ofFresh fresh: BenchReport) -> Double? {
    let figure = RatioFigure(touched: touched)
    let own = figure.value(of: self)
    return own > 0 ? figure.value(of: fresh) / own : nil
  }

  /// What is behind the memory, in a word.
  ///
  /// Whether a kernel's heap has pools is not known.
  var memoryName: String {
    if isCold { return "cold" }
    if source == HeapSource.kernel.rawValue { return "heap" }
    return pooled ? "pooled" : "fresh"
  }

  /// The line that the patch series' benchmark printed, with heap and interface behind it.
  package var seriesLine: String {
    "dmabuf heap: alloc \(size.byteCount) bytes \(iterations) times in \(elapsedNanoseconds) ns"
      + " \(Int(nanosecondsPerCall.rounded())) ns/call (\(heap), \(interface))"
  }
}

/// A row and its whole distribution.
package struct BenchRow: Sendable {
  package var report: BenchReport
  let allocations: LatencyDistribution
}

/// What several threads do together.
struct Throughput: Sendable {
  let threads: Int
  let operationsPerSecond: Double
  let singleThreadOperationsPerSecond: Double

  /// How many times as much as one thread.
  var scaling: Double { operationsPerSecond / singleThreadOperationsPerSecond }

  init(threads: Int, _ single: Samples, _ all: Samples) {
    self.threads = threads
    operationsPerSecond = Self.rate(all)
    singleThreadOperationsPerSecond = Self.rate(single)
  }

  private static func rate(_ samples: Samples) -> Double {
    Double(samples.count) * 1e9 / Double(max(samples.elapsed, 1))
  }
}
