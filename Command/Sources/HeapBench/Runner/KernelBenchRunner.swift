// SPDX-License-Identifier: MIT

import DMAHeaps

/// Measures heaps of the kernel, all heaps' rows of one subject together.
package struct KernelBenchRunner {
  private let workload: BenchWorkload
  package let environment: BenchEnvironment
  private let cacheDrop: CacheDrop?

  package init(workload: BenchWorkload) throws(BenchFailure) {
    self.workload = workload
    cacheDrop = workload.isCold ? try CacheDrop() : nil
    environment = BenchEnvironment()
  }

  /// A row for each heap, compared with the first one's.
  package func measure(_ subject: KernelBenchSubject) throws(BenchFailure) -> [BenchRow] {
    let outcomes = try contest(subject).run(
      subject.heaps.map { KernelProvider(heap: $0, byteCount: subject.size.byteCount) })
    var rows: [BenchRow] = []
    for (heap, outcome) in zip(subject.heaps, outcomes) {
      var row = self.row(heap, subject, outcome)
      if let base = rows.first {
        row.report.comparison = HeapComparison(of: row.report, with: base.report)
      }
      rows.append(row)
    }
    return rows
  }

  private func contest(_ subject: KernelBenchSubject) -> Contest {
    var contest = Contest(
      touched: subject.touched,
      rest: workload.burst > 1 || workload.isCold
        ? Self.timeToZero(subject.size, count: workload.burst) : 100_000)
    contest.burst = workload.burst
    contest.threads = workload.threads
    contest.iterations = workload.iterations
    if let cacheDrop { contest.empty = { () throws(BenchFailure) in try cacheDrop() } }
    return contest
  }

  private func row(
    _ heap: KernelHeap, _ subject: KernelBenchSubject, _ outcome: Contest.Outcome
  ) -> BenchRow {
    let distribution = LatencyDistribution(outcome.samples.allocations)
    var report = BenchReport(
      heap: heap.name, source: HeapSource.kernel.rawValue, interface: .descriptor,
      size: subject.size, touched: subject.touched, memory: .pooled,
      method: subject.touched ? "mmap, a byte of each page" : nil, environment: environment,
      samples: outcome.samples, allocations: LatencySummary(distribution))
    report.burst = workload.burst
    report.isCold = workload.isCold
    report.wantedIterations = outcome.wantedIterations
    if let single = outcome.singleThread {
      report.throughput = Throughput(threads: workload.threads, single, outcome.samples)
    }
    return BenchRow(report: report, allocations: distribution)
  }

  /// Long enough for a worker to zero so much even in an emulated machine: 4 ms for 1 MiB; from 5 ms to
  /// 2 s, in microseconds.
  static func timeToZero(_ size: ByteSize, count: Int) -> UInt32 {
    let mebibytes = Double(size.byteCount) * Double(count) / Double(1 << 20)
    return UInt32(min(max(mebibytes * 4_000, 5_000), 2_000_000))
  }
}
