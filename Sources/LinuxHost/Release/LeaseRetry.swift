// SPDX-License-Identifier: MIT

internal import Glibc

/// When to try a file's lease again, after it was refused although the file may be free.
///
/// A retry counts only while its file's `retryDeadline` is this one: a file has at most one plan.
struct LeaseRetry: Comparable {
  let deadline: Int64
  let delay: Int64
  let watch: Int32

  /// The kernel drops its count within microseconds of the event (nanoseconds).
  static let firstDelay: Int64 = 100_000

  /// A file that somebody still uses is looked at no more than twice a minute (nanoseconds).
  static let longestDelay: Int64 = 30_000_000_000

  init(of file: MemoryFile, after delay: Int64) {
    deadline = MonotonicClock.now + delay
    self.delay = delay
    watch = file.watch
    file.retryDeadline = deadline
  }

  /// The delay of the retry after this one: twice as long.
  var nextDelay: Int64 { min(delay * 2, Self.longestDelay) }

  static func < (left: LeaseRetry, right: LeaseRetry) -> Bool {
    left.deadline < right.deadline
  }
}

/// The clock that only goes forward.
enum MonotonicClock {
  /// Nanoseconds since some fixed point.
  static var now: Int64 {
    var time = timespec()
    // Cannot fail with this clock and a valid pointer.
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
