// SPDX-License-Identifier: MIT

@testable import HeapBench

/// Rows made of given durations.
enum TestRow {
  static func report(
    heap: String = "system", source: String = "memfd",
    interface: AllocationInterface = .buffer, size: Int = 4096, touched: Bool = false,
    memory: RowMemory = .pooled, allocations: [UInt64], elapsed: UInt64
  ) -> BenchReport {
    var samples = Samples(capacity: allocations.count)
    for (index, allocation) in allocations.enumerated() {
      samples.record(index, allocation: allocation, cycle: allocation * 2)
    }
    samples.elapsed = elapsed
    return BenchReport(
      heap: heap, source: source, interface: interface, size: ByteSize(byteCount: size),
      touched: touched, memory: memory,
      method: memory == .pooled ? nil : "posix_fallocate",
      environment: BenchEnvironment(processorCount: 2, clockNanoseconds: 20), samples: samples,
      allocations: LatencySummary(LatencyDistribution(allocations)))
  }
}
