// SPDX-License-Identifier: MIT

import CMeasurement
import Foundation
import Testing

@testable import HeapBench

@Suite struct MeasurementTests {
  @Test(arguments: [false, true])
  func freshDescriptor_canBeWritten(populates: Bool) throws {
    let provider = FreshDescriptorProvider(
      population: .reserving, byteCount: 1 << 16, populates: populates)
    var memory = try provider.allocate()
    try provider.write(&memory)
    var index = 0
    // SAFETY: the call writes one integer, which outlives it.
    let errorNumber = unsafe measurement_first_nonzero_of_descriptor(
      memory.rawValue, 1 << 16, &index)
    #expect(errorNumber == 0)
    #expect(index == 0)
    provider.release(memory)
  }

  @Test func touching_writesToEveryPageOfTheFile() throws {
    let memory = try FreshDescriptorProvider(
      population: .reserving, byteCount: 5 * 4096, populates: false
    ).allocate()
    #expect(measurement_map_and_touch(memory.rawValue, 5 * 4096) == 0)
    var bytes = [UInt8](repeating: 0, count: 5 * 4096)
    // SAFETY: the call fills the array, which is as long.
    #expect(unsafe pread(memory.rawValue, &bytes, bytes.count, 0) == bytes.count)
    #expect(bytes.indices.filter { bytes[$0] != 0 } == [0, 4096, 8192, 12_288, 16_384])
    #expect(measurement_map_and_touch(-1, 4096) == EBADF)
  }

  @Test(arguments: [0, 1, 4095, 65_535, 65_536, 65_537, 199_999])
  func firstNonzero_findsThePlace(index: Int) {
    var bytes = [UInt8](repeating: 0, count: 200_000)
    // SAFETY: the pointers are used by the calls only, for as many bytes as the array has.
    #expect(unsafe measurement_first_nonzero(bytes, bytes.count) == bytes.count)
    bytes[index] = 1
    #expect(unsafe measurement_first_nonzero(bytes, bytes.count) == index)
  }

  @Test func loops_recordEveryCycle() throws {
    let provider = FreshDescriptorProvider(
      population: .reserving, byteCount: 4096, populates: false)
    var samples = Samples(capacity: 20)
    try MeasuredLoop.run(provider, touched: true, into: &samples)
    #expect(samples.cycles.allSatisfy { $0 > 0 })
    var burst = Samples(capacity: 20)
    try MeasuredLoop.burst(provider, touched: false, live: 10, first: 0, into: &burst)
    try MeasuredLoop.burst(provider, touched: false, live: 10, first: 10, into: &burst)
    #expect(zip(burst.cycles, burst.allocations).allSatisfy { $0 > $1 })
    let threads = try ThreadedLoop.run(provider, touched: false, threads: 3, iterations: 5)
    #expect(threads.count == 15)
    #expect(threads.elapsed > 0)
  }

  @Test func store_givesTheOldestAndReleasesTheRest() {
    let log = Log()
    do {
      var store = MemoryStore<Entry>(capacity: 3)
      for number in 1...3 { store.append(Entry(number: number, log: log)) }
      #expect(log.released == [])
      _ = store.takeFirst()
      #expect(log.released == [1])
      let isEmpty = store.isEmpty
      #expect(!isEmpty)
    }
    #expect(log.released == [1, 2, 3])
  }

  @Test func counter_countsAllocationsWhereItCan() {
    #expect(WarmPathCounter.seesAllocations() == measurement_counts_allocations())
  }

  @Test func counter_ofCallingProvider_seesEveryCycle() throws {
    let provider = FreshDescriptorProvider(
      population: .reserving, byteCount: 4096, populates: false)
    var settled = 0
    let count = try WarmPathCounter().count(
      provider, touched: false, cycles: 25, settle: { settled += 1 })
    #expect(settled == 26, "one cycle is not counted")
    #expect(count.cycles == 25)
    if let calls = count.systemCallCycles { #expect(calls == 25) }
    if let allocations = count.allocationCalls { #expect(allocations == 0) }
  }

  @Test(arguments: [false, true])
  func reopen_isMeasured(touched: Bool) throws {
    #expect(try Reference.reopen(byteCount: 4096, touched: touched, iterations: 10).max > 0)
  }

  private final class Log {
    var released: [Int] = []
  }

  private struct Entry: ~Copyable {
    let number: Int
    let log: Log

    deinit { log.released.append(number) }
  }
}
