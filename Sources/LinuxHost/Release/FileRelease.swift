// SPDX-License-Identifier: MIT

internal import PagePools

/// That nobody outside has a handed-out file any more: it happens once, and tasks can wait for it (H5).
package final class FileRelease: Sendable {
  /// How it ended.
  package enum Outcome: Sendable {
    /// Nobody has the file.
    case released
    /// Nobody can tell any more.
    case unknown
  }

  private struct State: ~Copyable {
    var outcome: Outcome?
    var tickets = 0
    var waiting: [Int: CheckedContinuation<Outcome?, Never>] = [:]
  }

  private let state = Locked<State, FutexLock>(State())

  init() {}

  /// How it ended, nil as long as somebody has the file.
  package var outcome: Outcome? { state.withLock { $0.outcome } }

  /// Tells all who wait.
  ///
  /// - Context: no lock held: this may run those who wait.
  func end(_ outcome: Outcome) {
    let waiting = state.withLock { state in
      state.outcome = outcome
      let waiting = state.waiting
      state.waiting = [:]
      return waiting
    }
    for continuation in waiting.values { continuation.resume(returning: outcome) }
  }

  /// Waits for the end.
  ///
  /// - Returns: nil when the task is cancelled before.
  package func wait() async -> Outcome? {
    let ticket = state.withLock { state in
      state.tickets += 1
      return state.tickets
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let mustWait = state.withLock { state in
          // Whoever cancels later finds the continuation, as the lock is between.
          guard state.outcome == nil, !Task.isCancelled else { return false }
          state.waiting[ticket] = continuation
          return true
        }
        if !mustWait { continuation.resume(returning: outcome) }
      }
    } onCancel: {
      state.withLock { $0.waiting.removeValue(forKey: ticket) }?.resume(returning: nil)
    }
  }
}
