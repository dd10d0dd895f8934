// SPDX-License-Identifier: MIT

import Glibc
public import PagePools
import Synchronization

/// A lock of one atomic word.
///
/// It is written out here, not taken from the library, because the thread sanitizer sees only what
/// is compiled with it: a lock whose slow path is elsewhere makes it report races there are not.
public struct SpinLock: ~Copyable, HostLock {
  private let isTaken = Atomic<Bool>(false)

  /// Makes an unlocked lock.
  public init(rank: Int) {}

  /// Calls `body` with the lock held.
  public borrowing func withLock<R: ~Copyable, E: Error>(
    _ body: () throws(E) -> R
  ) throws(E) -> R {
    while isTaken.exchange(true, ordering: .acquiring) {
      sched_yield()
    }
    defer { isTaken.store(false, ordering: .releasing) }
    return try body()
  }
}

/// The lock that a ``TestHost`` brings: it knows which of its kind each thread holds.
///
/// Taking one while holding another is allowed in ascending order of rank only, which is the core's
/// lock order: the shards' together, everything else alone.
public struct TestLock: ~Copyable, HostLock {
  private let lock = SpinLock(rank: 0)
  private let rank: Int

  /// The highest rank this thread holds, plus 1.
  private static let held = ThreadLocal()

  /// How many of these locks this thread has taken.
  private static let taken = ThreadLocal()

  /// Makes an unlocked lock.
  public init(rank: Int) {
    self.rank = rank
  }

  /// How many of these locks the calling thread takes in `body`.
  public static func takenInside<E: Error>(_ body: () throws(E) -> Void) throws(E) -> Int {
    let before = taken.value
    try body()
    return taken.value - before
  }

  /// Whether the calling thread holds any of these locks.
  public static var isHeldByThisThread: Bool { held.value > 0 }

  /// Calls `body` with the lock held; traps when that breaks the lock order.
  public borrowing func withLock<R: ~Copyable, E: Error>(
    _ body: () throws(E) -> R
  ) throws(E) -> R {
    let before = Self.held.value
    if rank < before {
      misuse("a lock of rank \(rank) is taken while one of rank \(before - 1) is held")
    }
    return try lock.withLock { () throws(E) -> R in
      Self.held.value = rank + 1
      Self.taken.value += 1
      defer { Self.held.value = before }
      return try body()
    }
  }
}

/// Stops the process because the core broke a rule of its host.
func misuse(_ message: String) -> Never {
  fatalError("core misuses its host: \(message)")
}
