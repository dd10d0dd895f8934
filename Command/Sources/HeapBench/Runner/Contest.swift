// SPDX-License-Identifier: MIT

import CMeasurement
import Foundation

/// The same cycles with several providers, measured by turns: what changes with time, as frequency or
/// free memory does, meets all of them alike.
///
/// Providers free in the background, and nobody outside the kernel can tell when they have finished.
/// So every turn begins with a rest, untimed, in which none of them pays for another's work.
struct Contest {
  let touched: Bool

  /// Allocations live at once.
  var burst = 1

  var threads = 1

  /// Cycles of each provider; as many as fit into the budget when nil.
  var iterations: Int?

  /// Before each round, untimed: empties what pools there are.
  var empty: (() throws(BenchFailure) -> Void)?

  /// Before each turn, in microseconds.
  let rest: UInt32

  /// What one provider did.
  struct Outcome {
    var samples = Samples(capacity: 0)
    var singleThread: Samples?
    var wantedIterations = 0
  }

  /// Measures all `providers`.
  ///
  /// - Returns: an outcome for each, in their order.
  func run<Provider: MemoryProvider>(
    _ providers: [Provider]
  ) throws(BenchFailure) -> [Outcome] {
    let schedule = Schedule.contest(self)
    let rounds = try self.rounds(schedule, providers)
    var outcomes = providers.map { _ in
      Outcome(
        samples: Samples(capacity: threads > 1 ? 0 : rounds * burst),
        singleThread: threads > 1 ? Samples(capacity: 0) : nil,
        wantedIterations: schedule.wanted * burst)
    }
    let turns = hasSingleRounds ? rounds : min(Schedule.turnCount, rounds)
    for turn in 0..<turns {
      let part = Schedule.part(turn, of: turns, rounds: rounds)
      for index in Schedule.order(ofTurn: turn, count: providers.count) {
        try take(part, providers[index], into: &outcomes[index])
      }
    }
    return outcomes
  }

  /// Whether a turn is one round: where each round begins with something untimed.
  var hasSingleRounds: Bool { burst > 1 || empty != nil }
}

// MARK: - Rounds

extension Contest {
  private func take(
    _ part: Range<Int>, _ provider: some MemoryProvider, into outcome: inout Outcome
  ) throws(BenchFailure) {
    usleep(rest)
    if hasSingleRounds {
      // The first call after a rest is slow whoever serves it. Untouched memory goes back as it came.
      if empty == nil { provider.release(try provider.allocate()) }
      for round in part { try self.round(round, provider, into: &outcome.samples) }
    } else if threads > 1 {
      let single = try threaded(provider, threads: 1, part.count)
      outcome.singleThread?.append(single)
      outcome.samples.append(try threaded(provider, threads: threads, part.count))
    } else {
      var leadIn = Samples(capacity: Schedule.leadIn(part))
      try MeasuredLoop.run(provider, touched: touched, into: &leadIn)
      try MeasuredLoop.run(provider, touched: touched, range: part, into: &outcome.samples)
    }
  }

  private func round(
    _ round: Int, _ provider: some MemoryProvider, into samples: inout Samples
  ) throws(BenchFailure) {
    try empty?()
    if burst > 1 {
      try MeasuredLoop.burst(
        provider, touched: touched, live: burst, first: round * burst, into: &samples)
    } else {
      try MeasuredLoop.run(
        provider, touched: touched, range: round..<(round + 1), into: &samples)
    }
  }

  private func threaded(
    _ provider: some MemoryProvider, threads: Int, _ iterations: Int
  ) throws(BenchFailure) -> Samples {
    try ThreadedLoop.run(provider, touched: touched, threads: threads, iterations: iterations)
  }

  /// How many rounds each provider makes, found while they warm up.
  ///
  /// All make as many: of more cycles the worst is worse.
  private func rounds(
    _ schedule: Schedule, _ providers: [some MemoryProvider]
  ) throws(BenchFailure) -> Int {
    var durations = 0.0
    for provider in providers {
      durations += try schedule.warmUp(grows: !hasSingleRounds) { rounds throws(BenchFailure) in
        try warmUpPass(provider, rounds: rounds)
      }
    }
    return schedule.rounds(nanosecondsPerRound: durations / Double(max(providers.count, 1)))
  }

  /// - Returns: what the rounds take, with all that is not timed where each begins with that.
  private func warmUpPass(
    _ provider: some MemoryProvider, rounds: Int
  ) throws(BenchFailure) -> (nanoseconds: UInt64, isQuiet: Bool) {
    guard hasSingleRounds else {
      var samples = Samples(capacity: rounds)
      try MeasuredLoop.run(provider, touched: touched, into: &samples)
      // Whether a kernel's heap has a pool that still misses, it does not tell: all the time is used.
      return (samples.elapsed, false)
    }
    var samples = Samples(capacity: burst)
    let start = measurement_now()
    usleep(rest)
    try round(0, provider, into: &samples)
    return (measurement_now() - start, true)
  }
}
