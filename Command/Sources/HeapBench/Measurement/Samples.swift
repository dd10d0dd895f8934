// SPDX-License-Identifier: MIT

/// Raw durations, written into memory that is there before the loop starts.
///
/// Histograms are filled afterwards: recording into one inside the loop would cost cache lines
/// that the measured path wants.
struct Samples: Sendable {
  /// Of each allocation alone, in nanoseconds.
  private(set) var allocations: [UInt64]

  /// Of each allocation, use and release together, in nanoseconds.
  private(set) var cycles: [UInt64]

  /// From the start of the loop to its end.
  var elapsed: UInt64 = 0

  init(capacity: Int) {
    allocations = [UInt64](repeating: 0, count: capacity)
    cycles = [UInt64](repeating: 0, count: capacity)
  }

  var count: Int { allocations.count }

  /// Elapsed time shared out over the cycles: what the series printed as ns/call.
  var nanosecondsPerCycle: Double { count == 0 ? 0 : Double(elapsed) / Double(count) }

  @inline(__always)
  mutating func record(_ index: Int, allocation: UInt64, cycle: UInt64) {
    allocations[index] = allocation
    cycles[index] = cycle
  }

  /// Adds to a cycle that is recorded already.
  @inline(__always)
  mutating func extend(_ index: Int, by duration: UInt64) {
    cycles[index] += duration
  }

  /// Appends samples that were taken later, with their elapsed time.
  mutating func append(_ later: Samples) {
    merge(later)
    elapsed += later.elapsed
  }

  /// Appends another thread's samples.
  ///
  /// Elapsed times do not add up and stay with the caller.
  mutating func merge(_ other: Samples) {
    allocations += other.allocations
    cycles += other.cycles
  }
}
