// SPDX-License-Identifier: MIT

/// The lock a host brings: a futex mutex in userspace, a spinlock in the kernel.
///
/// The core holds a lock only for list surgery and counters: a few loads and stores, never an
/// allocation, never a release of the last reference to an object, never a call that may block.
/// A spinlock is therefore always good enough.
public protocol HostLock: ~Copyable, Sendable {
  /// Makes an unlocked lock.
  ///
  /// - Parameter rank: position among locks that are taken together, 0 first. Only lock checkers
  ///   need it (the kernel's lockdep has 8 subclasses, which is why there are at most 8 shards).
  init(rank: Int)

  /// Calls `body` with the lock held.
  borrowing func withLock<R: ~Copyable, E: Error>(_ body: () throws(E) -> R) throws(E) -> R
}
