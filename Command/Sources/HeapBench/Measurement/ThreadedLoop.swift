// SPDX-License-Identifier: MIT

import CMeasurement
import Dispatch
import Foundation
import Synchronization

/// Several threads that each allocate and release on their own, at once.
enum ThreadedLoop {
  /// What one thread brings back.
  private struct Part: Sendable {
    let samples: Samples
    let start: UInt64
    let end: UInt64
  }

  /// Lets threads start together, and takes what they bring back.
  ///
  /// Sendable because `parts` is reached with `lock` held only. That is not the standard library's
  /// mutex, whose contended path the thread sanitizer does not see.
  private final class StartLine: @unchecked Sendable {
    private let waiting = Atomic<Int>(0)
    private let lock = NSLock()
    private var parts: [Result<Part, BenchFailure>] = []

    func add(_ part: Result<Part, BenchFailure>) {
      lock.withLock { parts.append(part) }
    }

    var results: [Result<Part, BenchFailure>] { lock.withLock { parts } }

    func wait(for count: Int) {
      // Pairs with the other threads' additions; only the count is read, so relaxed would do.
      waiting.add(1, ordering: .acquiringAndReleasing)
      while waiting.load(ordering: .acquiring) < count { sched_yield() }
    }
  }

  /// Runs `iterations` cycles on each of `threads` threads.
  ///
  /// - Returns: All threads' samples; elapsed is from the first start to the last end.
  static func run<Provider: MemoryProvider>(
    _ provider: Provider, touched: Bool, threads: Int, iterations: Int
  ) throws(BenchFailure) -> Samples {
    let line = StartLine()
    let group = DispatchGroup()
    var providers: [Provider] = []
    for _ in 0..<threads { providers.append(try provider.forAnotherThread()) }
    for own in providers {
      group.enter()
      let thread = Thread {
        defer { group.leave() }
        var samples = Samples(capacity: iterations)
        line.wait(for: threads)
        let start = measurement_now()
        do throws(BenchFailure) {
          try MeasuredLoop.run(own, touched: touched, into: &samples)
          let part = Part(samples: samples, start: start, end: measurement_now())
          line.add(.success(part))
        } catch {
          line.add(.failure(error))
        }
      }
      thread.start()
    }
    group.wait()
    return try join(line.results)
  }

  private static func join(
    _ results: [Result<Part, BenchFailure>]
  ) throws(BenchFailure) -> Samples {
    var samples = Samples(capacity: 0)
    var start = UInt64.max
    var end: UInt64 = 0
    for result in results {
      let part = try result.get()
      samples.merge(part.samples)
      start = min(start, part.start)
      end = max(end, part.end)
    }
    samples.elapsed = end - start
    return samples
  }
}
