// SPDX-License-Identifier: MIT

internal import Glue
internal import PagePools

/// A kernel spinlock.
///
/// While it is held, nothing may sleep: no allocation, and no release of an object's last reference. The
/// core's ``HostLock`` contract says so; here it follows from what is guarded: the guarded state is made
/// of trivial values, and every object of the core lives from `core_start()` to `core_stop()`.
///
/// The lock is behind a pointer, as its size depends on the kernel's configuration.
@safe
struct SpinLock: ~Copyable, HostLock, @unchecked Sendable {
  private let lock: UnsafeMutableRawPointer

  init(rank: Int) {
    unsafe lock = glue_make_lock(UInt32(rank))
  }

  deinit {
    unsafe glue_destroy_lock(lock)
  }

  borrowing func withLock<R: ~Copyable, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    unsafe glue_lock(lock)
    defer { unsafe glue_unlock(lock) }
    return try body()
  }
}
