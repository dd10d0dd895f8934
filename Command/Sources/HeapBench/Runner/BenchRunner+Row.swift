// SPDX-License-Identifier: MIT

import DMAHeaps
import Foundation

/// One of several ways to do the same.
struct Way<Provider: MemoryProvider> {
  let name: String?
  let provider: Provider
}

extension BenchRunner {
  /// Tries each way briefly and measures the fastest by the figure the ratio uses.
  ///
  /// Rivals get a second chance: the two fastest are measured in full and the faster is kept, so
  /// that a disturbed trial never makes them look worse than they are.
  func fastest<Provider: MemoryProvider>(
    _ subject: BenchSubject, _ memory: RowMemory, _ ways: [Way<Provider>]
  ) throws(BenchFailure) -> (row: BenchRow, provider: Provider) {
    let figure = RatioFigure(touched: subject.touched)
    var trials: [(figure: Double, way: Way<Provider>)] = []
    var failure: BenchFailure?
    for way in ways {
      do throws(BenchFailure) {
        let isOnly = ways.count == 1
        trials.append((isOnly ? 0 : figure.value(of: try tryOut(way.provider, subject)), way))
      } catch {
        // A kernel may not know one of the ways; that leaves the others.
        failure = error
      }
    }
    trials.sort { $0.figure < $1.figure }
    var best: (row: BenchRow, provider: Provider)?
    for (_, way) in trials.prefix(memory == .pooled ? 1 : 2) {
      let row = try measure(subject, way.provider, memory, method: way.name)
      if let best, figure.value(of: best.row.report) <= figure.value(of: row.report) { continue }
      best = (row, way.provider)
    }
    if let best { return best }
    throw failure ?? .systemCall("memfd_create", errorNumber: ENOSYS)
  }

  private func tryOut(
    _ provider: some MemoryProvider, _ subject: BenchSubject
  ) throws(BenchFailure) -> Samples {
    let live = workload.burst
    var samples = Samples(capacity: live)
    let round = try Schedule.trial.warmUp(grows: false) { _ throws(BenchFailure) in
      let before = samples.elapsed
      try MeasuredLoop.burst(
        provider, touched: subject.touched, live: live, first: 0, into: &samples)
      return (samples.elapsed - before, true)
    }
    let rounds = Schedule.trial.rounds(nanosecondsPerRound: round)
    samples = Samples(capacity: rounds * live)
    for round in 0..<rounds {
      try MeasuredLoop.burst(
        provider, touched: subject.touched, live: live, first: round * live, into: &samples)
    }
    return samples
  }

  /// Warms up, then measures one row.
  func measure(
    _ subject: BenchSubject, _ provider: some MemoryProvider, _ memory: RowMemory, method: String?
  ) throws(BenchFailure) -> BenchRow {
    let heap = subject.heap.name
    let schedule: Schedule = memory == .pooled ? .pooled(workload) : .rival(workload)
    let round = try schedule.warmUp(grows: workload.burst == 1) { rounds throws(BenchFailure) in
      let misses = system.poolMisses(of: heap)
      let pass = try measure(provider, subject, rounds: rounds).samples
      return (pass.elapsed, system.poolMisses(of: heap) == misses)
    }
    let rounds = schedule.rounds(nanosecondsPerRound: round)
    let missesBefore = system.poolMisses(of: heap)
    let isPaced = memory == .pooled && isPaced(subject)
    let measured = try measure(provider, subject, rounds: rounds, isPaced: isPaced)
    let misses = system.poolMisses(of: heap) - missesBefore
    let distribution = LatencyDistribution(measured.samples.allocations)
    var report = BenchReport(
      subject: subject, environment: environment, memory: memory, method: method,
      samples: measured.samples, allocations: LatencySummary(distribution))
    report.burst = workload.burst
    report.isPaced = isPaced
    report.isInPlace = memory == .pooled && subject.interface == .descriptor && workload.isInPlace
    report.poolMisses = memory == .pooled ? misses : nil
    report.wantedIterations = schedule.wanted * workload.burst
    if let single = measured.singleThread {
      report.throughput = Throughput(threads: workload.threads, single, measured.samples)
    }
    return BenchRow(report: report, allocations: distribution)
  }

  /// Whether a row waits, untimed, between cycles until the pool has what it is to have ready.
  ///
  /// A descriptor's memory is another file's the next time, made in the background, or zeroed there; a loop that closes
  /// descriptors as fast as it can would measure that, not a warm pool.
  func isPaced(_ subject: BenchSubject) -> Bool {
    subject.interface == .descriptor && !subject.touched && !workload.isSustained
      && workload.burst == 1 && workload.threads == 1
  }

  private func measure(
    _ provider: some MemoryProvider, _ subject: BenchSubject, rounds: Int, isPaced: Bool = false
  ) throws(BenchFailure) -> (samples: Samples, singleThread: Samples?) {
    let touched = subject.touched
    if workload.threads > 1 {
      let single = try ThreadedLoop.run(provider, touched: touched, threads: 1, iterations: rounds)
      let all = try ThreadedLoop.run(
        provider, touched: touched, threads: workload.threads, iterations: rounds)
      return (all, single)
    }
    var samples = Samples(capacity: rounds * workload.burst)
    if isPaced {
      try MeasuredLoop.paced(
        provider, touched: touched, settle: system.waitUntilReady, into: &samples)
    } else if workload.burst == 1 {
      try MeasuredLoop.run(provider, touched: touched, into: &samples)
    } else {
      for round in 0..<rounds {
        // A burst is about what a warm pool holds, not about how fast it is filled again.
        system.waitUntilIdle()
        try MeasuredLoop.burst(
          provider, touched: touched, live: workload.burst, first: round * workload.burst,
          into: &samples)
      }
    }
    return (samples, nil)
  }
}
