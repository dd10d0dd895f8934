// SPDX-License-Identifier: MIT

import CMeasurement
package import DMAHeaps
import Foundation

/// Measures subjects, one pair of rows each.
package struct BenchRunner {
  private let system: HeapSystem
  private let workload: BenchWorkload
  package let environment: BenchEnvironment
  private let counter = WarmPathCounter()

  package init(system: HeapSystem, workload: BenchWorkload) {
    self.system = system
    self.workload = workload
    environment = BenchEnvironment()
  }

  /// The pooled row and, unless left out or impossible, the fresh one.
  ///
  /// - Parameter progress: is told what is measured.
  package func measure(
    _ subject: BenchSubject, progress: (String) -> Void
  ) throws(BenchFailure) -> [BenchRow] {
    progress("pooled")
    var pooled = try measurePooled(subject)
    guard workload.hasFreshRows else { return [pooled] }
    // The worker would take one processor from the rival.
    system.waitUntilIdle()
    progress("fresh")
    do throws(BenchFailure) {
      let fresh = try measureFresh(subject)
      pooled.report.freshToPooled = pooled.report.ratio(ofFresh: fresh.report)
      return [pooled, fresh]
    } catch {
      guard error.isShortage else { throw error }
      pooled.report.notes.append("no fresh row: \(error)")
      return [pooled]
    }
  }

  private func measurePooled(_ subject: BenchSubject) throws(BenchFailure) -> BenchRow {
    switch subject.interface {
    case .buffer:
      let provider = BufferProvider(
        system: system, heap: subject.heap, byteCount: subject.size.byteCount)
      var row = try measure(subject, provider, pooled: true, method: nil)
      system.waitUntilIdle()
      let cycles = subject.touched && subject.size.byteCount > 64 << 10 ? 100 : 1000
      row.report.warmPath = try counter.count(
        provider, touched: subject.touched, cycles: cycles,
        settle: { if subject.touched { system.waitUntilIdle() } })
      return row
    case .descriptor:
      var row = try fastest(subject, pooled: true, descriptorClients(subject)) { populates in
        DescriptorProvider(
          system: system, heap: subject.heap, byteCount: subject.size.byteCount,
          populates: populates.value)
      }
      row.report.reopen = try measureReopen(subject)
      return row
    }
  }

  /// A bare reopen under the conditions of the subject's row.
  private func measureReopen(_ subject: BenchSubject) throws(BenchFailure) -> LatencySummary {
    let byteCount = subject.size.byteCount
    let iterations = min(workload.iterations ?? 5000, 5000)
    guard isPaced(subject) else {
      return try Reference.reopen(
        byteCount: byteCount, touched: subject.touched, iterations: iterations)
    }
    let provider = DescriptorProvider(
      system: system, heap: subject.heap, byteCount: byteCount, populates: false)
    return try Reference.reopen(
      byteCount: byteCount, touched: false, iterations: min(iterations, 1000)
    ) { () throws(BenchFailure) in
      provider.release(try provider.allocate())
      system.waitUntilIdle()
    }
  }

  private func measureFresh(_ subject: BenchSubject) throws(BenchFailure) -> BenchRow {
    switch subject.interface {
    case .buffer:
      let candidates = Population.candidates(touched: subject.touched)
        .map { Candidate(name: $0.name, value: $0) }
      return try fastest(subject, pooled: false, candidates) { population in
        FreshBufferProvider(population: population.value, byteCount: subject.size.byteCount)
      }
    case .descriptor:
      return try fastest(subject, pooled: false, descriptorClients(subject)) { populates in
        FreshDescriptorProvider(byteCount: subject.size.byteCount, populates: populates.value)
      }
    }
  }

  /// One of several ways to do the same.
  private struct Candidate<Value> {
    let name: String?
    let value: Value
  }

  private func descriptorClients(_ subject: BenchSubject) -> [Candidate<Bool>] {
    guard subject.touched else { return [Candidate(name: nil, value: false)] }
    return [
      Candidate(name: "mmap MAP_POPULATE", value: true), Candidate(name: "mmap", value: false),
    ]
  }

  /// Tries each candidate briefly and measures the fastest by the figure the ratio uses.
  ///
  /// Rivals get a second chance: the two fastest are measured in full and the faster is kept, so
  /// that a disturbed trial never makes them look worse than they are.
  private func fastest<Value, Provider: MemoryProvider>(
    _ subject: BenchSubject, pooled: Bool, _ candidates: [Candidate<Value>],
    make: (Candidate<Value>) -> Provider
  ) throws(BenchFailure) -> BenchRow {
    let figure = RatioFigure(touched: subject.touched)
    var trials: [(figure: Double, candidate: Candidate<Value>)] = []
    var failure: BenchFailure?
    for candidate in candidates {
      do throws(BenchFailure) {
        guard candidates.count > 1 else {
          trials.append((0, candidate))
          break
        }
        let samples = try tryOut(make(candidate), subject)
        trials.append((figure.value(of: samples), candidate))
      } catch {
        // A kernel may not know one of the ways; that leaves the others.
        failure = error
      }
    }
    trials.sort { $0.figure < $1.figure }
    var best: BenchRow?
    for trial in trials.prefix(pooled ? 1 : 2) {
      let row = try measure(
        subject, make(trial.candidate), pooled: pooled, method: trial.candidate.name)
      if let kept = best, figure.value(of: kept.report) <= figure.value(of: row.report) { continue }
      best = row
    }
    if let best { return best }
    throw failure ?? .systemCall("memfd_create", errorNumber: ENOSYS)
  }

  private func tryOut(
    _ provider: some MemoryProvider, _ subject: BenchSubject
  ) throws(BenchFailure) -> Samples {
    let live = workload.burst
    var first = Samples(capacity: live)
    try MeasuredLoop.burst(provider, touched: subject.touched, live: live, first: 0, into: &first)
    let rounds = IterationBudget.trial.rounds(
      wanted: 1000, nanosecondsPerRound: Double(first.elapsed))
    var samples = Samples(capacity: rounds * live)
    for round in 0..<rounds {
      try MeasuredLoop.burst(
        provider, touched: subject.touched, live: live, first: round * live, into: &samples)
    }
    return samples
  }
}

extension BenchRunner {
  /// Warms up, then measures one row.
  private func measure(
    _ subject: BenchSubject, _ provider: some MemoryProvider, pooled: Bool, method: String?
  ) throws(BenchFailure) -> BenchRow {
    let heap = subject.heap.name
    let roundDuration = try warmUp(provider, subject, pooled: pooled)
    let wanted = max(1, (workload.iterations ?? IterationBudget.defaultIterations) / workload.burst)
    let rounds: Int
    if pooled, workload.iterations != nil {
      rounds = wanted
    } else {
      let budget: IterationBudget = pooled ? .pooled : .fresh
      rounds = budget.rounds(wanted: wanted, nanosecondsPerRound: roundDuration)
    }
    let missesBefore = system.poolMisses(of: heap)
    let isPaced = pooled && isPaced(subject)
    let measured = try measure(provider, subject, rounds: rounds, isPaced: isPaced)
    let misses = system.poolMisses(of: heap) - missesBefore
    let distribution = LatencyDistribution(measured.samples.allocations)
    var report = BenchReport(
      subject: subject, environment: environment, pooled: pooled, method: method,
      samples: measured.samples, allocations: LatencySummary(distribution))
    report.burst = workload.burst
    report.isPaced = isPaced
    report.poolMisses = pooled ? misses : nil
    report.wantedIterations = wanted * workload.burst
    if let single = measured.singleThread {
      report.throughput = Throughput(threads: workload.threads, single, measured.samples)
    }
    return BenchRow(report: report, allocations: distribution)
  }

  /// Whether a row waits, untimed, between cycles until its memory is back in the pool.
  ///
  /// Nobody can know that a descriptor's memory was not written, so it is zeroed in the background; a
  /// loop that closes descriptors as fast as it can would measure the zeroing, not a warm pool.
  private func isPaced(_ subject: BenchSubject) -> Bool {
    subject.interface == .descriptor && !subject.touched && !workload.isSustained
      && workload.burst == 1 && workload.threads == 1
  }

  private func measure(
    _ provider: some MemoryProvider, _ subject: BenchSubject, rounds: Int, isPaced: Bool = false
  ) throws(BenchFailure) -> (samples: Samples, singleThread: Samples?) {
    if workload.threads > 1 {
      let single = try ThreadedLoop.run(
        provider, touched: subject.touched, threads: 1, iterations: rounds)
      let all = try ThreadedLoop.run(
        provider, touched: subject.touched, threads: workload.threads, iterations: rounds)
      return (all, single)
    }
    var samples = Samples(capacity: rounds * workload.burst)
    guard !isPaced else {
      try MeasuredLoop.paced(
        provider, touched: subject.touched, settle: system.waitUntilIdle, into: &samples)
      return (samples, nil)
    }
    guard workload.burst > 1 else {
      try MeasuredLoop.run(provider, touched: subject.touched, into: &samples)
      return (samples, nil)
    }
    for round in 0..<rounds {
      // A burst is about what a warm pool holds, not about how fast it is filled again.
      system.waitUntilIdle()
      try MeasuredLoop.burst(
        provider, touched: subject.touched, live: workload.burst, first: round * workload.burst,
        into: &samples)
    }
    return (samples, nil)
  }

  /// Repeats until the pool misses no more, or it is clear that it always will.
  ///
  /// - Returns: What one round takes, in nanoseconds.
  private func warmUp(
    _ provider: some MemoryProvider, _ subject: BenchSubject, pooled: Bool
  ) throws(BenchFailure) -> Double {
    let heap = subject.heap.name
    let deadline = measurement_now() + (pooled ? 3_000_000_000 : 200_000_000)
    var roundsPerPass = workload.burst > 1 ? 1 : 4
    var quietPasses = 0
    while true {
      if workload.burst > 1 { system.waitUntilIdle() }
      let missesBefore = system.poolMisses(of: heap)
      let pass = try measure(provider, subject, rounds: roundsPerPass).samples
      let missed = system.poolMisses(of: heap) > missesBefore
      quietPasses = missed ? 0 : quietPasses + 1
      let perRound = Double(pass.elapsed) / Double(roundsPerPass)
      if quietPasses >= 3 || measurement_now() >= deadline { return perRound }
      if pass.elapsed < 50_000_000, workload.burst == 1 {
        roundsPerPass = min(roundsPerPass * 4, 1024)
      }
    }
  }
}
