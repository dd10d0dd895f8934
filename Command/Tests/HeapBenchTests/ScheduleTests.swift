// SPDX-License-Identifier: MIT

import CMeasurement
import Testing

@testable import HeapBench

@Suite struct ScheduleTests {
  private let second = Schedule(warmUp: 0, budget: 1e9, atLeast: 20)

  // MARK: Budgets

  @Test func budget_keepsWhatFits() {
    #expect(second.rounds(nanosecondsPerRound: 1000) == 5000)
    #expect(second.rounds(nanosecondsPerRound: 1e6) == 1000)
    #expect(second.rounds(nanosecondsPerRound: 1e9) == 20)
    #expect(second.rounds(nanosecondsPerRound: 0) == 5000)
    var few = second
    few.wanted = 3
    #expect(few.rounds(nanosecondsPerRound: 1e9) == 3)
  }

  @Test func asked_pooledRowsMakeAllAndRivalsWhatFits() {
    var workload = BenchWorkload()
    #expect(Schedule.pooled(workload).rounds(nanosecondsPerRound: 1e9) == 20)
    workload.iterations = 900
    workload.burst = 3
    #expect(Schedule.pooled(workload).rounds(nanosecondsPerRound: 1e9) == 300)
    #expect(Schedule.rival(workload).rounds(nanosecondsPerRound: 1e9) == 20)
    workload.burst = 1000
    #expect(Schedule.pooled(workload).wanted == 1)
  }

  @Test func contest_countsTheRestOfSingleRounds() {
    var contest = Contest(touched: false, rest: 0)
    #expect(Schedule.contest(contest).rounds(nanosecondsPerRound: 1e8) == 60)
    contest.burst = 10
    #expect(Schedule.contest(contest).rounds(nanosecondsPerRound: 1e8) == 80)
    contest.iterations = 5000
    #expect(Schedule.contest(contest).rounds(nanosecondsPerRound: 1e8) == 500)
  }

  // MARK: Warming up

  /// Warms up with passes of so many nanoseconds each that are quiet or not; what passes were made.
  private func passes(
    _ schedule: Schedule, grows: Bool, nanoseconds: UInt64 = 1000, quiet: [Bool]
  ) throws -> [Int] {
    var made: [Int] = []
    _ = try schedule.warmUp(grows: grows) { rounds throws(BenchFailure) in
      made.append(rounds)
      return (nanoseconds, quiet[min(made.count, quiet.count) - 1])
    }
    return made
  }

  private let patient = Schedule(warmUp: 60_000_000_000, budget: 0, atLeast: 1)

  @Test func warmUp_endsWithThreeQuietPassesInARow() throws {
    #expect(try passes(patient, grows: false, quiet: [true]) == [1, 1, 1])
    let disturbed = [true, true, false, true, true, false, true]
    #expect(try passes(patient, grows: false, quiet: disturbed).count == 9)
  }

  @Test func warmUp_endsWhenTheTimeIsOver() throws {
    #expect(try passes(second, grows: false, quiet: [false]) == [1])
  }

  @Test func warmUp_growsWhilePassesAreShort() throws {
    let quiet = Array(repeating: false, count: 6) + [true]
    #expect(
      try passes(patient, grows: true, quiet: quiet) == [
        4, 16, 64, 256, 1024, 1024, 1024, 1024, 1024,
      ])
    #expect(try passes(patient, grows: true, nanoseconds: 50_000_000, quiet: [true]) == [4, 4, 4])
  }

  @Test func warmUp_tellsWhatARoundTakes() throws {
    let perRound = try patient.warmUp(grows: true) { rounds throws(BenchFailure) in
      (UInt64(rounds) * 50_000_000, true)
    }
    #expect(perRound == 50_000_000)
  }

  // MARK: Turns

  @Test(arguments: [0, 1, 3, 4, 5, 20, 5000])
  func parts_areAllRoundsOnce(rounds: Int) {
    var next = 0
    for turn in 0..<4 {
      let part = Schedule.part(turn, of: 4, rounds: rounds)
      #expect(part.lowerBound == next)
      #expect(part.count <= rounds / 4 + 1)
      next = part.upperBound
    }
    #expect(next == rounds)
  }

  @Test func turns_changeDirection() {
    #expect(Schedule.order(ofTurn: 0, count: 3) == [0, 1, 2])
    #expect(Schedule.order(ofTurn: 1, count: 3) == [2, 1, 0])
    #expect(Schedule.order(ofTurn: 1, count: 1) == [0])
  }

  @Test func leadIn_isAQuarterAndNeverNothing() {
    #expect(Schedule.leadIn(0..<0) == 4)
    #expect(Schedule.leadIn(100..<200) == 25)
  }
}
