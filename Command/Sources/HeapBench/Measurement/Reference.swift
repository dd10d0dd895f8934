// SPDX-License-Identifier: MIT

import CMeasurement

/// Figures that others are set against.
enum Reference {
  /// What reading the clock takes: the median distance of two readings in a row.
  static func clockCost() -> UInt64 {
    var distances = [UInt64](repeating: 0, count: 20_001)
    var last = measurement_now()
    for index in distances.indices {
      let now = measurement_now()
      distances[index] = now - last
      last = now
    }
    distances.sort()
    return distances[distances.count / 2]
  }

  /// How long a second open of a memfd takes: no descriptor can be handed out for less by a
  /// library that wants to know when it is closed.
  ///
  /// Measured as the row is, to meet the same cold caches: where the row's client writes all of the
  /// memory between two allocations, so does this; where the row lets something else happen before
  /// each, `prepare` does it here, untimed.
  static func reopen(
    byteCount: Int, touched: Bool, iterations: Int,
    prepare: () throws(BenchFailure) -> Void = {}
  ) throws(BenchFailure) -> LatencySummary {
    var rawValue: Int32 = -1
    // SAFETY: the call writes one integer, which outlives it.
    let errorNumber = unsafe measurement_empty_descriptor(byteCount, &rawValue)
    guard errorNumber == 0 else {
      throw .systemCall("memfd_create", errorNumber: errorNumber)
    }
    let descriptor = OwnedMeasuredDescriptor(rawValue: rawValue)
    let affordable = touched ? max(2 << 30 / byteCount, 50) : iterations
    var durations = [UInt64](repeating: 0, count: min(iterations, affordable))
    for index in durations.indices {
      try prepare()
      // SAFETY: the call writes one integer of the array.
      let errorNumber = unsafe measurement_reopen(
        descriptor.rawValue, touched ? byteCount : 0, &durations[index])
      guard errorNumber == 0 else { throw .systemCall("open", errorNumber: errorNumber) }
    }
    return LatencySummary(LatencyDistribution(durations))
  }
}
