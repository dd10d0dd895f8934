// SPDX-License-Identifier: MIT

import Benchmark
import Glibc
import Synchronization

/// What a subject is compared with, in the same run.
enum Baseline: CaseIterable {
  /// Pop and push on an array behind a mutex: the simplest pool there could be.
  case lockedArray

  /// `malloc` and `free` of one page, untouched.
  case allocator

  var ratio: BenchmarkMetric {
    switch self {
    case .lockedArray: .custom("% of array behind a mutex", useScalingFactor: false)
    case .allocator: .custom("% of malloc and free", useScalingFactor: false)
    }
  }
}

private let subjectTime = BenchmarkMetric.custom("ns per operation", useScalingFactor: false)

/// How often an operation runs between two readings of the clock: long enough for threads to start.
private func operationsPerSample(_ threadCount: Int) -> Int { threadCount == 1 ? 10_000 : 100_000 }

/// Whether each benchmark only has to show that it runs.
private let isSmoke = unsafe getenv("BENCHMARK_SMOKE") != nil

/// Declares a benchmark that times an operation and its baselines in turns.
///
/// Turns of a few milliseconds see the same machine, so the ratio holds where the times do not.
///
/// - Parameters:
///   - threadCount: threads that do the same at once; each does all operations.
///   - batch: how many operations one call of `operation` makes.
///   - operation: what is timed.
func compare(
  _ name: String, threadCount: Int = 1, batch: Int = 1,
  with baselines: [Baseline] = Baseline.allCases, _ operation: @escaping @Sendable () -> Void
) {
  let configuration = Benchmark.Configuration(
    metrics: [subjectTime] + baselines.map(\.ratio),
    warmupIterations: 2,
    maxDuration: isSmoke ? .milliseconds(50) : .seconds(2),
    maxIterations: isSmoke ? 5 : 1_000)
  Benchmark(name, configuration: configuration) { benchmark in
    let time = timePerOperation(threadCount, batch, operation)
    benchmark.measurement(subjectTime, Int(time.rounded()))
    for baseline in baselines {
      let reference =
        switch baseline {
        case .lockedArray: timePerOperation(threadCount, 1) { popAndPush() }
        case .allocator: timePerOperation(threadCount, 1) { allocateAndFree() }
        }
      benchmark.measurement(baseline.ratio, Int((100 * time / reference).rounded()))
    }
  }
}

/// Nanoseconds from the start of all threads to the end of the last, for one operation of each.
private func timePerOperation(
  _ threadCount: Int, _ batch: Int, _ operation: @escaping @Sendable () -> Void
) -> Double {
  let calls = operationsPerSample(threadCount) / batch
  let start = ContinuousClock.now
  if threadCount == 1 {
    for _ in 0..<calls { operation() }
  } else {
    onThreads(threadCount) { for _ in 0..<calls { operation() } }
  }
  return (ContinuousClock.now - start) / .nanoseconds(calls * batch)
}

private let stack = Mutex<[Int]>([1])

private func popAndPush() {
  let value = stack.withLock { $0.popLast() }
  stack.withLock { $0.append(value ?? 1) }
}

private func allocateAndFree() {
  // SAFETY: freed at once, never read.
  let memory = unsafe malloc(4096)
  unsafe blackHole(memory)
  unsafe free(memory)
}
