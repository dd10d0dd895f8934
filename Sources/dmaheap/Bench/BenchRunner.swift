// SPDX-License-Identifier: MIT

import CMeasurement
import DMAHeaps
import Foundation

/// Measures subjects, one pair of rows each.
struct BenchRunner {
  let system: HeapSystem
  let options: BenchOptions
  let environment: BenchEnvironment
  private let counter = WarmPathCounter()
  private var progress = ProgressLine()

  init(system: HeapSystem, options: BenchOptions) {
    self.system = system
    self.options = options
    environment = BenchEnvironment()
  }

  /// The pooled row and, unless left out or impossible, the fresh one.
  mutating func measure(_ subject: BenchSubject, title: String) throws(BenchFailure) -> [BenchRow] {
    defer { progress.clear() }
    progress.update("\(title): pooled")
    var pooled = try measurePooled(subject)
    guard !options.noFresh else { return [pooled] }
    // The worker would take one processor from the rival.
    system.waitUntilIdle()
    progress.update("\(title): fresh")
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
      let provider = BufferProvider(heap: subject.heap, byteCount: subject.size.byteCount)
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
          heap: subject.heap, byteCount: subject.size.byteCount, populates: populates.value)
      }
      row.report.reopen = try Reference.reopen(
        byteCount: subject.size.byteCount, iterations: min(options.iterations ?? 5000, 5000))
      return row
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
  private func fastest<Value, Provider: MemoryProvider>(
    _ subject: BenchSubject, pooled: Bool, _ candidates: [Candidate<Value>],
    make: (Candidate<Value>) -> Provider
  ) throws(BenchFailure) -> BenchRow {
    var best: (figure: Double, candidate: Candidate<Value>)?
    var failure: BenchFailure?
    for candidate in candidates where candidates.count > 1 {
      do throws(BenchFailure) {
        let samples = try tryOut(make(candidate), subject)
        let figure = RatioFigure(touched: subject.touched).value(of: samples)
        if best.map({ figure < $0.figure }) ?? true { best = (figure, candidate) }
      } catch {
        failure = error
      }
    }
    if best == nil, candidates.count > 1, let failure { throw failure }
    guard let candidate = best?.candidate ?? candidates.first else {
      preconditionFailure("no candidate")
    }
    return try measure(subject, make(candidate), pooled: pooled, method: candidate.name)
  }

  private func tryOut(
    _ provider: some MemoryProvider, _ subject: BenchSubject
  ) throws(BenchFailure) -> Samples {
    let live = options.burst
    var first = Samples(capacity: live)
    try MeasuredLoop.burst(provider, touched: subject.touched, live: live, first: 0, into: &first)
    let rounds = IterationBudget.trial.rounds(
      wanted: 100, nanosecondsPerRound: Double(first.elapsed))
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
    let wanted = max(1, (options.iterations ?? IterationBudget.defaultIterations) / options.burst)
    let rounds: Int
    if pooled, options.iterations != nil {
      rounds = wanted
    } else {
      let budget: IterationBudget = pooled ? .pooled : .fresh
      rounds = budget.rounds(wanted: wanted, nanosecondsPerRound: roundDuration)
    }
    let missesBefore = system.poolMisses(of: heap)
    let measured = try measure(provider, subject, rounds: rounds)
    let misses = system.poolMisses(of: heap) - missesBefore
    let distribution = LatencyDistribution(measured.samples.allocations)
    var report = BenchReport(
      subject: subject, environment: environment, pooled: pooled, method: method,
      samples: measured.samples, allocations: LatencySummary(distribution))
    report.burst = options.burst
    report.poolMisses = pooled ? misses : nil
    if rounds < wanted {
      report.notes.append(
        "\(rounds * options.burst) of \(wanted * options.burst) iterations, to keep the run short")
    }
    if let single = measured.singleThread {
      report.throughput = Throughput(threads: options.threads, single, measured.samples)
    }
    return BenchRow(report: report, allocations: distribution)
  }

  private func measure(
    _ provider: some MemoryProvider, _ subject: BenchSubject, rounds: Int
  ) throws(BenchFailure) -> (samples: Samples, singleThread: Samples?) {
    if options.threads > 1 {
      let single = try ThreadedLoop.run(
        provider, touched: subject.touched, threads: 1, iterations: rounds)
      let all = try ThreadedLoop.run(
        provider, touched: subject.touched, threads: options.threads, iterations: rounds)
      return (all, single)
    }
    var samples = Samples(capacity: rounds * options.burst)
    guard options.burst > 1 else {
      try MeasuredLoop.run(provider, touched: subject.touched, into: &samples)
      return (samples, nil)
    }
    for round in 0..<rounds {
      // A burst is about what a warm pool holds, not about how fast it is filled again.
      system.waitUntilIdle()
      try MeasuredLoop.burst(
        provider, touched: subject.touched, live: options.burst, first: round * options.burst,
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
    var roundsPerPass = 4
    var quietPasses = 0
    while true {
      if options.burst > 1 { system.waitUntilIdle() }
      let missesBefore = system.poolMisses(of: heap)
      let pass = try measure(provider, subject, rounds: roundsPerPass).samples
      let missed = system.poolMisses(of: heap) > missesBefore
      quietPasses = missed ? 0 : quietPasses + 1
      let perRound = Double(pass.elapsed) / Double(roundsPerPass)
      if quietPasses >= 3 || measurement_now() >= deadline { return perRound }
      if pass.elapsed < 50_000_000, options.burst == 1 {
        roundsPerPass = min(roundsPerPass * 4, 1024)
      }
    }
  }
}

extension HeapSystem {
  /// Waits until nothing is left to zero, for at most ten seconds.
  func waitUntilIdle() {
    let deadline = measurement_now() + 10_000_000_000
    while statistics().waitingByteCount > 0, measurement_now() < deadline { usleep(200) }
  }

  /// How often one heap found its pool empty.
  func poolMisses(of heap: String) -> Int {
    statistics().heaps.first { $0.name == heap }?.poolMisses ?? 0
  }
}
