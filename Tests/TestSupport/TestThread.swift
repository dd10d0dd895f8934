// SPDX-License-Identifier: MIT

import Glibc
import Synchronization

/// A thread of its own, for tests in which one thread waits for another.
///
/// The test library's own concurrency runs on as many threads as there are CPUs, so a test that
/// blocked one of them could wait for a test that never starts.
public final class TestThread: Sendable {
  private final class Start: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
      self.body = body
    }
  }

  private let thread: pthread_t

  /// Starts a thread that runs `body`.
  public init(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    // SAFETY: the new thread takes over the one reference that is passed to it.
    let start = unsafe Unmanaged.passRetained(Start(body)).toOpaque()
    let failure = unsafe pthread_create(
      &thread, nil,
      { start in
        guard let start = unsafe start else { return nil }
        unsafe Unmanaged<Start>.fromOpaque(start).takeRetainedValue().body()
        return nil
      }, start)
    precondition(failure == 0, "no thread can be made")
    self.thread = thread
  }

  /// Waits until the thread has ended; to be called once.
  public func join() {
    let failure = pthread_join(thread, nil)
    precondition(failure == 0, "a thread is joined twice")
  }

  /// Runs `body` on `count` threads at once and waits for all of them.
  public static func run(_ count: Int, _ body: @escaping @Sendable (_ index: Int) -> Void) {
    let threads = (0..<count).map { index in TestThread { body(index) } }
    for thread in threads { thread.join() }
  }
}

/// Something that happens once, for which threads can wait.
public final class Gate: Sendable {
  private let isOpened = Atomic<Bool>(false)

  /// A closed gate.
  public init() {}

  /// Whether the gate was opened.
  public var isOpen: Bool { isOpened.load(ordering: .acquiring) }

  /// Lets everybody pass, now and later.
  public func open() {
    isOpened.store(true, ordering: .releasing)
  }

  /// Waits until the gate is open.
  public func wait() {
    while !isOpen { sched_yield() }
  }
}

/// Lets other threads run.
public func yieldToOthers() {
  sched_yield()
}

/// What a worker thread waits for while it sleeps.
public final class Bell: Sendable {
  private let isRung = Atomic<Bool>(false)
  private let isStopped = Atomic<Bool>(false)

  /// A silent bell.
  public init() {}

  /// Whether the worker should end.
  public var isStopping: Bool { isStopped.load(ordering: .acquiring) }

  /// Wakes the worker, now or when it next sleeps.
  public func ring() {
    isRung.store(true, ordering: .releasing)
  }

  /// Tells the worker to end.
  public func stop() {
    isStopped.store(true, ordering: .releasing)
  }

  /// Waits until somebody rings or stops.
  public func wait() {
    while !isRung.exchange(false, ordering: .acquiring), !isStopping { sched_yield() }
  }
}

/// A point at which threads wait for each other, time and again.
public final class Meeting: Sendable {
  private let threadCount: Int
  private let arrivals = Atomic<Int>(0)

  /// A meeting of `threadCount` threads.
  public init(_ threadCount: Int) {
    self.threadCount = threadCount
  }

  /// Waits until all threads are here.
  ///
  /// It spins for a while, so that all leave at nearly the same moment.
  public func wait() {
    let arrival = arrivals.add(1, ordering: .acquiringAndReleasing).newValue
    let wanted = (arrival + threadCount - 1) / threadCount * threadCount
    var spins = 0
    while arrivals.load(ordering: .acquiring) < wanted {
      spins += 1
      if spins > 1000 { sched_yield() }
    }
  }
}
