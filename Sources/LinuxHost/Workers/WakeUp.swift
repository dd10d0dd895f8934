// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc

/// A counting wake-up: waits return once for every wake.
@safe
final class WakeUp: @unchecked Sendable {
  // A POSIX semaphore is made for concurrent use.
  private let semaphore: UnsafeMutablePointer<sem_t>

  init() {
    unsafe semaphore = .allocate(capacity: 1)
    // Cannot fail with a value of 0 and no sharing between processes.
    unsafe sem_init(semaphore, 0, 0)
  }

  deinit {
    unsafe sem_destroy(semaphore)
    unsafe semaphore.deallocate()
  }

  /// Wakes the waiting thread, or lets its next wait return at once.
  func wake() {
    unsafe sem_post(semaphore)
  }

  /// Waits for a wake-up, or for that time.
  ///
  /// - Parameter deadline: nanoseconds of the ``MonotonicClock``; nil: any time.
  func wait(until deadline: UInt64? = nil) {
    guard let deadline else {
      while unsafe sem_wait(semaphore) != 0 {
        precondition(errno == EINTR)
      }
      return
    }
    while unsafe shim_sem_clockwait(semaphore, deadline) != 0, errno != ETIMEDOUT {
      precondition(errno == EINTR)
    }
  }
}
