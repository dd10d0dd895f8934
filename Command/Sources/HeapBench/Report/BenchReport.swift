// SPDX-License-Identifier: MIT

import DMAHeaps

/// What is behind a row's memory.
package enum RowMemory: String, CaseIterable, Encodable, Sendable {
  /// A heap, which may have pools.
  case pooled

  /// What a program does without heaps: the best of the plain ways.
  case fresh

  /// The best way that needs no library: huge pages made with MADV_COLLAPSE.
  case collapsing
}

/// One row: what was measured, and how.
package struct BenchReport: Sendable {
  let heap: String
  let source: String
  let interface: AllocationInterface
  let size: ByteSize
  package let touched: Bool
  package let memory: RowMemory
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

  /// Of rows of descriptors that are written to.
  var receiver: ReceiverCost?

  /// How many times as long fresh memory takes; of pooled rows that have such a rival.
  var freshToPooled: Double?

  /// The same of huge pages made by hand.
  var collapsingToPooled: Double?

  var notes: [String] = []

  /// The row against that of the run's first heap; of kernel heaps from the second on.
  var comparison: HeapComparison?

  /// Whether the pools were emptied before each round.
  var isCold = false

  /// Whether the row's memory is zeroed and used again in place; of pooled rows of descriptors.
  var isInPlace = false

  /// Whether the row waited between cycles until its memory was back in the pool.
  var isPaced = false

  init(
    subject: BenchSubject, environment: BenchEnvironment, memory: RowMemory, method: String?,
    samples: Samples, allocations: LatencySummary
  ) {
    self.init(
      heap: subject.heap.name, source: subject.source, interface: subject.interface,
      size: subject.size, touched: subject.touched, memory: memory, method: method,
      environment: environment, samples: samples, allocations: allocations)
  }

  init(
    heap: String, source: String, interface: AllocationInterface, size: ByteSize, touched: Bool,
    memory: RowMemory, method: String?, environment: BenchEnvironment, samples: Samples,
    allocations: LatencySummary
  ) {
    self.heap = heap
    self.source = memory == .pooled ? source : "memfd"
    self.interface = interface
    self.size = size
    self.touched = touched
    self.memory = memory
    self.method = method
    self.environment = environment
    self.allocations = allocations
    iterations = samples.count
    wantedIterations = samples.count
    elapsedNanoseconds = samples.elapsed
    nanosecondsPerCall = samples.nanosecondsPerCycle
    cycles = LatencySummary(LatencyDistribution(samples.cycles))
  }

  package var pooled: Bool { memory == .pooled }

  /// How many times as long the rival takes, by the figure that fits the row.
  func ratio(of rival: BenchReport) -> Double? {
    let figure = RatioFigure(touched: touched)
    let own = figure.value(of: self)
    return own > 0 ? figure.value(of: rival) / own : nil
  }

  /// Keeps the ratio of a rival's row.
  mutating func setRatio(of rival: BenchReport) {
    switch rival.memory {
    case .pooled: break
    case .fresh: freshToPooled = ratio(of: rival)
    case .collapsing: collapsingToPooled = ratio(of: rival)
    }
  }

  /// What is behind the memory, in a word.
  ///
  /// Whether a kernel's heap has pools is not known.
  var memoryName: String {
    if isCold { return "cold" }
    if isInPlace { return "in-place" }
    if source == HeapSource.kernel.rawValue { return "heap" }
    return memory.rawValue
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
