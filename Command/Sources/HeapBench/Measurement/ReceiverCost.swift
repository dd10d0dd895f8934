// SPDX-License-Identifier: MIT

import CMeasurement
import DMAHeaps

/// What a descriptor costs the one who receives it: page faults of a mapping that is made for the first
/// time, and taking it down.
struct ReceiverCost: Encodable, Sendable {
  /// How the memory was made; nil of pooled rows.
  let method: String?

  /// From the call of `mmap(NULL, …)` until every page was written to, in nanoseconds.
  let firstWrite: LatencySummary

  /// Of `munmap`, in nanoseconds.
  let unmapping: LatencySummary

  enum CodingKeys: String, CodingKey {
    case method
    case firstWrite = "first_write_ns"
    case unmapping = "munmap_ns"
  }
}

/// A provider whose memory can be received.
protocol DescribedProvider: MemoryProvider {
  func descriptor(of memory: borrowing Memory) -> Int32

  /// How the memory is made; nil if by a heap.
  var method: String? { get }

  /// The same, or another whose memory is there before it is received: who receives is not to pay for that.
  var withMemory: Self { get }
}

extension DescriptorProvider: DescribedProvider {
  func descriptor(of memory: borrowing OwnedDescriptor) -> Int32 { memory.rawValue }

  var method: String? { nil }

  var withMemory: Self { self }
}

extension FreshDescriptorProvider: DescribedProvider {
  func descriptor(of memory: borrowing OwnedMeasuredDescriptor) -> Int32 { memory.rawValue }

  var method: String? { population.name }

  var withMemory: Self {
    population.guaranteesMemory
      ? self
      : FreshDescriptorProvider(
        population: .reserving, byteCount: byteCount, populates: populates)
  }
}

extension ReceiverCost {
  /// Receives `byteCount` bytes again and again, each time of memory that nobody has mapped, and lets `settle`
  /// run before each, untimed.
  static func measure(
    _ provider: some DescribedProvider, byteCount: Int, settle: () -> Void
  ) throws(BenchFailure) -> ReceiverCost {
    let provider = provider.withMemory
    var firstWrites: [UInt64] = []
    var unmappings: [UInt64] = []
    let schedule = Schedule.receiver
    var round = 0
    var rounds = schedule.warmUpRounds + 1
    while round < rounds {
      settle()
      let start = measurement_now()
      let memory = try provider.allocate()
      var firstWrite: UInt64 = 0
      var unmapping: UInt64 = 0
      // SAFETY: the call writes two integers, which outlive it.
      let errorNumber = unsafe measurement_receive(
        provider.descriptor(of: memory), byteCount, &firstWrite, &unmapping)
      guard errorNumber == 0 else { throw .systemCall("mmap", errorNumber: errorNumber) }
      provider.release(memory)
      if round < schedule.warmUpRounds {
        let duration = Double(measurement_now() - start)
        rounds = schedule.warmUpRounds + schedule.rounds(nanosecondsPerRound: duration)
      } else {
        firstWrites.append(firstWrite)
        unmappings.append(unmapping)
      }
      round += 1
    }
    return ReceiverCost(
      method: provider.method,
      firstWrite: LatencySummary(LatencyDistribution(firstWrites)),
      unmapping: LatencySummary(LatencyDistribution(unmappings)))
  }
}
