// SPDX-License-Identifier: MIT

import CMeasurement

/// The timed loops.
enum MeasuredLoop {
  /// Allocates and releases, one at a time.
  static func run<Provider: MemoryProvider>(
    _ provider: Provider, touched: Bool, into samples: inout Samples
  ) throws(BenchFailure) {
    try run(provider, touched: touched, range: 0..<samples.count, into: &samples)
  }

  /// Allocates and releases, one at a time, once for each sample of `range`.
  ///
  /// Adds the time taken to `samples.elapsed`.
  @inline(never)
  static func run<Provider: MemoryProvider>(
    _ provider: Provider, touched: Bool, range: Range<Int>, into samples: inout Samples
  ) throws(BenchFailure) {
    let begin = measurement_now()
    for index in range {
      _ = try cycle(provider, touched: touched, index, into: &samples)
    }
    samples.elapsed += measurement_now() - begin
  }

  /// Allocates and releases once, as a part of the loop that it stands in.
  ///
  /// - Returns: the cycle's nanoseconds.
  @inline(__always)
  private static func cycle<Provider: MemoryProvider>(
    _ provider: Provider, touched: Bool, _ index: Int, into samples: inout Samples
  ) throws(BenchFailure) -> UInt64 {
    let start = measurement_now()
    var memory = try provider.allocate()
    let allocated = measurement_now()
    if touched { try provider.write(&memory) }
    provider.release(memory)
    let end = measurement_now()
    samples.record(index, allocation: allocated - start, cycle: end - start)
    return end - start
  }

  /// Allocates and releases, one at a time, and lets `settle` run before each cycle, untimed.
  ///
  /// `samples.elapsed` is the cycles' time only.
  @inline(never)
  static func paced<Provider: MemoryProvider>(
    _ provider: Provider, touched: Bool, settle: () -> Void, into samples: inout Samples
  ) throws(BenchFailure) {
    for index in 0..<samples.count {
      settle()
      samples.elapsed += try cycle(provider, touched: touched, index, into: &samples)
    }
  }

  /// Allocates `live` at once, then releases them in the order they came.
  ///
  /// Fills `live` samples from `first` on, and adds the time taken to `samples.elapsed`.
  @inline(never)
  static func burst<Provider: MemoryProvider>(
    _ provider: Provider, touched: Bool, live: Int, first: Int, into samples: inout Samples
  ) throws(BenchFailure) {
    var store = MemoryStore<Provider.Memory>(capacity: live)
    let begin = measurement_now()
    for index in first..<(first + live) {
      let start = measurement_now()
      var memory = try provider.allocate()
      let allocated = measurement_now()
      if touched { try provider.write(&memory) }
      let end = measurement_now()
      store.append(memory)
      samples.record(index, allocation: allocated - start, cycle: end - start)
    }
    for index in first..<(first + live) {
      let memory = store.takeFirst()
      let start = measurement_now()
      provider.release(memory)
      samples.extend(index, by: measurement_now() - start)
    }
    samples.elapsed += measurement_now() - begin
  }
}
