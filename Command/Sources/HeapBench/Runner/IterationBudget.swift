// SPDX-License-Identifier: MIT

/// How long a row may take, and how many rounds that is.
struct IterationBudget {
  /// The series' count.
  static let defaultIterations = 5000

  /// With four sizes, two interfaces, touched and untouched, the whole default run stays under two
  /// minutes.
  static let pooled = IterationBudget(nanoseconds: 6e9, atLeast: 20)
  static let fresh = IterationBudget(nanoseconds: 2e9, atLeast: 20)

  /// For rounds with a rest before each, which counts.
  static let paused = IterationBudget(nanoseconds: 8e9, atLeast: 20)

  /// For finding the fastest of several ways.
  static let trial = IterationBudget(nanoseconds: 0.05e9, atLeast: 5)

  let nanoseconds: Double
  let atLeast: Int

  /// As many rounds as wanted, or as fit, but enough to say something.
  func rounds(wanted: Int, nanosecondsPerRound: Double) -> Int {
    guard nanosecondsPerRound > 0, nanosecondsPerRound * Double(wanted) > nanoseconds else {
      return wanted
    }
    return min(wanted, max(atLeast, Int(nanoseconds / nanosecondsPerRound)))
  }
}
