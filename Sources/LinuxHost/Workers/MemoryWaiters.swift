// SPDX-License-Identifier: MIT

internal import Glibc
internal import PagePools
internal import Synchronization

/// Those who wait for memory, served in the order in which they came.
///
/// The first in the queue is told when memory came back, and tries again; the others are not until they are
/// first. So whoever asks for much is not overtaken for ever by those who ask for little.
///
/// Nothing is missed: whoever waits joins the queue before the attempt that decides that there is nothing, and
/// whoever frees looks at the queue after the memory is back. Only what is freed outside this process nobody tells:
/// a waiter sees to it that it is reminded now and then.
@safe
package final class MemoryWaiters: @unchecked Sendable {
  // `@unchecked` for the pointer, which is constant and points to an atomic.

  private struct State: ~Copyable {
    var queue: [Ticket] = []
  }

  private let state = Locked<State, FutexLock>(State())

  /// How many wait; written with the lock held.
  ///
  /// Outside the object, so that looking counts no reference.
  private let count: UnsafeMutablePointer<Atomic<Int>>

  package init() {
    unsafe count = .allocate(capacity: 1)
    unsafe count.initialize(to: Atomic(0))
  }

  deinit {
    // SAFETY: who looks holds the queue, or the host whose queue it is.
    unsafe count.deinitialize(count: 1)
    unsafe count.deallocate()
  }

  /// A place in the queue; its fields are guarded by the queue's lock.
  package final class Ticket: @unchecked Sendable {
    fileprivate var continuation: CheckedContinuation<Event, Never>?

    /// What happened while nobody was waiting for it.
    fileprivate var pending: Event?

    /// Who is trying to get memory for the ticket just now.
    fileprivate var tryingThread: pthread_t?
  }

  /// What ends a wait; of several the highest counts.
  package enum Event: Int, Sendable {
    case memoryCameBack
    case timeIsOver
    case cancelled
  }
}

// MARK: - Telling them

extension MemoryWaiters {
  /// A look at whether anybody waits; it must not outlive the queue.
  @safe
  struct View: @unchecked Sendable, BitwiseCopyable {
    fileprivate let count: UnsafeMutablePointer<Atomic<Int>>

    /// Whether somebody waits.
    ///
    /// Pairs with ``MemoryWaiters/enter()``: ordered after what was done to the memory, most of which was done
    /// under locks.
    ///
    /// - Complexity: one load.
    @inline(__always)
    var isSomebodyWaiting: Bool {
      // SAFETY: whoever made the view keeps the queue.
      unsafe count.pointee.load(ordering: .sequentiallyConsistent) != 0
    }
  }

  /// A look at the queue.
  var view: View { unsafe View(count: count) }

  /// Tells the first that memory came back.
  ///
  /// - Context: no lock held.
  @inline(never)
  func tellFirst() {
    post(.memoryCameBack) { state in
      // What an attempt gives back when it fails is not news for the one that made it.
      guard let first = state.queue.first, first.tryingThread != pthread_self() else { return nil }
      return first
    }
  }

  /// Has a waiter try again, if it is its turn.
  package func remind(_ ticket: Ticket) {
    post(.memoryCameBack) { _ in ticket }
  }

  /// Tells a waiter that its time is over.
  package func expire(_ ticket: Ticket) {
    post(.timeIsOver) { _ in ticket }
  }

  private func post(_ event: Event, to receiver: (borrowing State) -> Ticket?) {
    let continuation = state.withLock { state -> CheckedContinuation<Event, Never>? in
      guard let ticket = receiver(state) else { return nil }
      guard let continuation = ticket.continuation else {
        ticket.pending = max(ticket.pending ?? event, event)
        return nil
      }
      ticket.continuation = nil
      return continuation
    }
    // With the lock released: this may run the waiter.
    continuation?.resume(returning: event)
  }
}

extension MemoryWaiters.Event: Comparable {
  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

// MARK: - Waiting

extension MemoryWaiters {
  /// How many wait.
  package var waitingCount: Int { unsafe count.pointee.load(ordering: .relaxed) }

  /// Joins the queue at its end.
  package func enter() -> Ticket {
    let ticket = Ticket()
    state.withLock { state in
      state.queue.append(ticket)
      unsafe count.pointee.store(state.queue.count, ordering: .sequentiallyConsistent)
    }
    return ticket
  }

  /// Leaves the queue; whoever is first then tries its luck.
  ///
  /// - Complexity: O(waiters).
  package func leave(_ ticket: Ticket) {
    state.withLock { state in
      state.queue.removeAll { $0 === ticket }
      unsafe count.pointee.store(state.queue.count, ordering: .sequentiallyConsistent)
    }
    tellFirst()
  }

  /// Makes an attempt to get memory, if it is the ticket's turn.
  ///
  /// - Returns: what the attempt returned, nil when it is not the ticket's turn.
  package func attempt<R: ~Copyable, E: Error>(
    for ticket: Ticket, _ body: () throws(E) -> R
  ) throws(E) -> R? {
    let isFirst = state.withLock { state in
      guard state.queue.first === ticket else { return false }
      ticket.tryingThread = pthread_self()
      return true
    }
    guard isFirst else { return nil }
    defer { state.withLock { _ in ticket.tryingThread = nil } }
    return try body()
  }

  /// Waits until something happens.
  ///
  /// - Returns: the event, at once if there was one since the last wait.
  package func wait(_ ticket: Ticket) async -> Event {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let event = state.withLock { _ -> Event? in
          if let event = ticket.pending {
            ticket.pending = nil
            return event
          }
          ticket.continuation = continuation
          return nil
        }
        if let event { continuation.resume(returning: event) }
      }
    } onCancel: {
      post(.cancelled) { _ in ticket }
    }
  }
}
