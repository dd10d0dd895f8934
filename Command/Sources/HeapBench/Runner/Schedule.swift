// SPDX-License-Identifier: MIT

import CMeasurement

/// How something is warmed up, and how often it is then measured.
///
/// The one place that decides on warming up, budgets and turns. A *round* is what is repeated: a cycle of
/// allocation and release, a burst, or a cycle of each thread.
struct Schedule: Sendable {
  /// The most that warming up may take, in nanoseconds.
  let warmUp: UInt64

  /// Rounds before the first that counts, where they are counted and not timed.
  var warmUpRounds = 3

  /// What all measured rounds together may take, in nanoseconds.
  let budget: Double

  /// Rounds that are made however long they take, to say something.
  let atLeast: Int

  /// Rounds that are made if they fit.
  var wanted = defaultIterations

  /// Whether as many rounds were asked for, and are made whether they fit or not.
  var isFixed = false

  /// The series' count.
  static let defaultIterations = 5000

  /// As many rounds as wanted, or as fit, but enough to say something.
  func rounds(nanosecondsPerRound: Double) -> Int {
    guard !isFixed, nanosecondsPerRound > 0, nanosecondsPerRound * Double(wanted) > budget else {
      return wanted
    }
    return min(wanted, max(atLeast, Int(budget / nanosecondsPerRound)))
  }
}

// MARK: - What there is to measure

// With four sizes, two interfaces, touched and untouched, the whole default run takes some two minutes.
extension Schedule {
  /// A pooled row: until the pool misses no more, or it is clear that it always will.
  static func pooled(_ workload: BenchWorkload) -> Schedule {
    Schedule(
      warmUp: 3_000_000_000, budget: 6e9, atLeast: 20, wanted: rounds(of: workload),
      isFixed: workload.iterations != nil)
  }

  /// A row of plain system calls.
  static func rival(_ workload: BenchWorkload) -> Schedule {
    Schedule(warmUp: 200_000_000, budget: 1.5e9, atLeast: 20, wanted: rounds(of: workload))
  }

  /// A trial, to find the fastest of several ways.
  static let trial = Schedule(
    warmUp: 0, warmUpRounds: 1, budget: 0.05e9, atLeast: 5, wanted: 1000)

  /// A heap's part of a contest; with rounds that wait before each, the waiting counts.
  static func contest(_ contest: Contest) -> Schedule {
    Schedule(
      warmUp: 300_000_000, budget: contest.hasSingleRounds ? 8e9 : 6e9, atLeast: 20,
      wanted: max(1, (contest.iterations ?? defaultIterations) / contest.burst),
      isFixed: contest.iterations != nil)
  }

  /// What a receiver does.
  static let receiver = Schedule(warmUp: 0, budget: 0.3e9, atLeast: 10, wanted: 500)

  /// A bare reopen; without a budget, for the figure is to meet what the row met.
  static func reopen(_ workload: BenchWorkload, byteCount: Int, touched: Bool, isPaced: Bool) -> Int
  {
    let most = touched ? max(2 << 30 / byteCount, 50) : isPaced ? 1000 : defaultIterations
    return min(workload.iterations ?? defaultIterations, most)
  }

  /// Warm cycles whose calls are counted; large ones are zeroed before each.
  static func countedCycles(byteCount: Int, touched: Bool) -> Int {
    touched && byteCount > 64 << 10 ? 100 : 1000
  }

  private static func rounds(of workload: BenchWorkload) -> Int {
    max(1, (workload.iterations ?? defaultIterations) / workload.burst)
  }
}

// MARK: - Warming up

extension Schedule {
  /// Makes rounds until `warmUpRounds` passes in a row were quiet, or the time is over.
  ///
  /// - Parameters:
  ///   - grows: whether a pass may have more than one round, which is for rounds that are short.
  ///   - pass: makes so many rounds, and returns what they took, in nanoseconds, and whether they were
  ///     quiet: whether nothing happened that more rounds would do away with.
  /// - Returns: what a round takes at the end, in nanoseconds.
  func warmUp(
    grows: Bool, pass: (Int) throws(BenchFailure) -> (nanoseconds: UInt64, isQuiet: Bool)
  ) throws(BenchFailure) -> Double {
    let deadline = measurement_now() + warmUp
    var rounds = grows ? 4 : 1
    var quietPasses = 0
    while true {
      let made = try pass(rounds)
      quietPasses = made.isQuiet ? quietPasses + 1 : 0
      if quietPasses >= warmUpRounds || measurement_now() >= deadline {
        return Double(made.nanoseconds) / Double(rounds)
      }
      if grows, made.nanoseconds < 50_000_000 { rounds = min(rounds * 4, 1024) }
    }
  }
}

// MARK: - Turns

extension Schedule {
  /// Few enough that a turn is long, for it is about cycles back to back; enough that a second's
  /// disturbance meets everybody.
  static let turnCount = 8

  /// A turn's share of the rounds.
  static func part(_ turn: Int, of turns: Int, rounds: Int) -> Range<Int> {
    (rounds * turn / turns)..<(rounds * (turn + 1) / turns)
  }

  /// Who begins a turn ends the next one.
  static func order(ofTurn turn: Int, count: Int) -> [Int] {
    turn.isMultiple(of: 2) ? Array(0..<count) : (0..<count).reversed()
  }

  /// Cycles at the beginning of a turn that use up what the rest before it has filled: the row is about going
  /// on and on.
  static func leadIn(_ part: Range<Int>) -> Int { max(4, part.count / 4) }
}
