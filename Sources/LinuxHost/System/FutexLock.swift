// SPDX-License-Identifier: MIT

internal import Glibc
internal import PagePools
internal import Synchronization

#if THREAD_SANITIZER

/// The host's lock under the thread sanitizer, which `make test-thread` says it is.
///
/// The sanitizer does not see the contended path of the standard library's mutex, as that library is not
/// instrumented, and would take what the mutex orders for races. It knows POSIX mutexes.
@safe
package struct FutexLock: ~Copyable, HostLock, @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  package init(rank: Int) {
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe pthread_mutex_init(mutex, nil)
  }

  deinit {
    // SAFETY: nobody holds a lock whose owner is going away.
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  package borrowing func withLock<R: ~Copyable, E: Error>(
    _ body: () throws(E) -> R
  ) throws(E) -> R {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return try body()
  }
}

#else

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

#endif
