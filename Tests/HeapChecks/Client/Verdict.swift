// SPDX-License-Identifier: MIT

import Synchronization

/// What threads found together: the first failure, or how much was done.
final class Verdict: Sendable {
  private struct State {
    var failure: (any Error)?
    var count = 0
  }

  private let state = Mutex(State())

  var isFailed: Bool { state.withLock { $0.failure != nil } }

  /// Runs a thread's work and notes why it failed, if it is the first.
  func run(_ body: () throws -> Void) {
    do {
      try body()
    } catch {
      state.withLock { state in
        if state.failure == nil { state.failure = error }
      }
    }
  }

  func count() {
    state.withLock { $0.count += 1 }
  }

  /// How much was done; throws the first failure.
  ///
  /// Threads that did nothing have found nothing out.
  func result() throws -> Int {
    let (failure, count) = state.withLock { ($0.failure, $0.count) }
    if let failure { throw failure }
    try require(count > 0, "the threads did nothing")
    return count
  }
}
