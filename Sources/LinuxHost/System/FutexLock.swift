// SPDX-License-Identifier: MIT

internal import PagePools
internal import Synchronization

/// The host's lock: the standard library's mutex, a futex without a system call when uncontended.
package struct FutexLock: ~Copyable, HostLock {
  private let mutex = Mutex<Void>(())

  package init(rank: Int) {}

  @inline(always)
  package borrowing func withLock<R: ~Copyable, E: Error>(
    _ body: () throws(E) -> R
  ) throws(E) -> R {
    // `Mutex.withLock` asks for a `sending` result, which state guarded beside the mutex is not.
    mutex._unsafeLock()
    defer { mutex._unsafeUnlock() }
    return try body()
  }
}
