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

  /// Few enough that a turn is long, for it is about cycles back to back; enough that a second's
  /// disturbance meets everybody.
  static let turnCount = 8

  /// Measures all `providers`.
  ///
  /// - Returns: an outcome for each, in their order.
  func run<Provider: MemoryProvider>(
    _ providers: [Provider]
  ) throws(BenchFailure) -> [Outcome] {
    let wanted = max(1, (iterations ?? IterationBudget.defaultIterations) / burst)
    let rounds = try self.rounds(wanted, providers)
    var outcomes = providers.map { _ in
      Outcome(
        samples: Samples(capacity: threads > 1 ? 0 : rounds * burst),
        singleThread: threads > 1 ? Samples(capacity: 0) : nil, wantedIterations: wanted * burst)
    }
    let turns = hasSingleRounds ? rounds : min(Self.turnCount, rounds)
    for turn in 0..<turns {
      let part = Self.part(turn, of: turns, rounds: rounds)
      for index in Self.order(ofTurn: turn, count: providers.count) {
        try take(part, providers[index], into: &outcomes[index])
      }
    }
    return outcomes
  }

  /// Whether a turn is one round: where each round begins with something untimed.
  private var hasSingleRounds: Bool { burst > 1 || empty != nil }

  /// Who begins a turn ends the next one.
  static func order(ofTurn turn: Int, count: Int) -> [Int] {
    turn.isMultiple(of: 2) ? Array(0..<count) : (0..<count).reversed()
  }

  /// A turn's share of the rounds.
  static func part(_ turn: Int, of turns: Int, rounds: Int) -> Range<Int> {
    (rounds * turn / turns)..<(rounds * (turn + 1) / turns)
  }
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
      // What the rest has filled is used up first: the row is about going on and on.
      var leadIn = Samples(capacity: max(4, part.count / 4))
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
    _ wanted: Int, _ providers: [some MemoryProvider]
  ) throws(BenchFailure) -> Int {
    var durations = 0.0
    for provider in providers {
      durations += hasSingleRounds ? try warmUpByRounds(provider) : try warmUp(provider)
    }
    guard iterations == nil else { return wanted }
    let budget: IterationBudget = hasSingleRounds ? .paused : .pooled
    return budget.rounds(
      wanted: wanted, nanosecondsPerRound: durations / Double(max(providers.count, 1)))
  }

  /// Cycles back to back, until 0.3 s have gone.
  ///
  /// - Returns: What a cycle takes at the end, in nanoseconds.
  private func warmUp(_ provider: some MemoryProvider) throws(BenchFailure) -> Double {
    let deadline = measurement_now() + 300_000_000
    var count = 4
    while true {
      var samples = Samples(capacity: count)
      try MeasuredLoop.run(provider, touched: touched, into: &samples)
      if measurement_now() >= deadline { return samples.nanosecondsPerCycle }
      count = min(count * 2, 1024)
    }
  }

  /// - Returns: What a round takes with all that is not timed, in nanoseconds.
  private func warmUpByRounds(_ provider: some MemoryProvider) throws(BenchFailure) -> Double {
    var samples = Samples(capacity: burst)
    var duration: UInt64 = 0
    for _ in 0..<3 {
      let start = measurement_now()
      usleep(rest)
      try round(0, provider, into: &samples)
      duration = measurement_now() - start
    }
    return Double(duration)
  }
}
