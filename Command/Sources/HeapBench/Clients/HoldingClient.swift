// SPDX-License-Identifier: MIT

import CMeasurement
@_spi(Command) package import DMAHeaps
import Foundation

/// A client that allocates, looks at what it got, holds it, and frees it.
package struct HoldingClient: Sendable {
  package let source: HeapSource

  /// Of a system of this process's.
  let configuration: HeapSystem.Configuration

  package let heap: String
  package let interface: AllocationInterface
  package let size: ByteSize

  /// How many to have at once.
  package let count: Int

  /// Whether every byte is checked to be zero.
  package let verifies: Bool

  /// How long to hold them.
  package let holdSeconds: Double

  /// How long it took, in nanoseconds.
  package struct Durations: Sendable {
    /// Each allocation.
    package let allocations: [UInt64]
    /// All checks together.
    package let verification: UInt64
    /// All releases together.
    package let freeing: UInt64
  }

  package init(
    source: HeapSource, configuration: HeapSystem.Configuration = HeapSystem.Configuration(),
    heap: String, interface: AllocationInterface, size: ByteSize, count: Int,
    verifies: Bool, holdSeconds: Double
  ) {
    self.source = source
    self.configuration = configuration
    self.heap = heap
    self.interface = interface
    self.size = size
    self.count = count
    self.verifies = verifies
    self.holdSeconds = holdSeconds
  }

  /// Runs to the end.
  ///
  /// - Parameter progress: is told often how far the run is.
  package func run(progress: (() -> String) -> Void) throws -> Durations {
    let byteCount = size.byteCount
    switch source {
    case .kernel:
      let heap = try KernelHeap(named: heap)
      try need.check(.machine(HeapSystem.machineByteCount))
      return try run(KernelProvider(heap: heap, byteCount: byteCount), progress)
    case .memfd:
      let system = try HeapSystem(configuration)
      let heap = try system.heap(named: heap)
      try need.check()
      switch interface {
      case .buffer:
        return try run(
          BufferProvider(system: system, heap: heap, byteCount: byteCount), progress)
      case .descriptor:
        return try run(
          DescriptorProvider(system: system, heap: heap, byteCount: byteCount, populates: false),
          progress)
      }
    }
  }

  /// The memory, and a duration and an owner of each allocation.
  private var need: MemoryNeed {
    MemoryNeed(count: count, size: size, figures: (count, 64))
  }

  private func run<Provider: CheckableProvider>(
    _ provider: Provider, _ progress: (() -> String) -> Void
  ) throws -> Durations {
    var store = MemoryStore<Provider.Memory>(capacity: count)
    var durations = [UInt64](repeating: 0, count: count)
    var verification: UInt64 = 0
    for index in 0..<count {
      let start = measurement_now()
      let memory = try provider.allocate()
      durations[index] = measurement_now() - start
      if verifies {
        let start = measurement_now()
        let first = try provider.firstNonzero(memory)
        verification += measurement_now() - start
        if let first { throw NotZeroError(index: index, offset: first, heap: heap) }
      }
      store.append(memory)
      progress { "\(index + 1) of \(count) allocated" }
    }
    hold(progress)
    let start = measurement_now()
    while !store.isEmpty { provider.release(store.takeFirst()) }
    return Durations(
      allocations: durations, verification: verification, freeing: measurement_now() - start)
  }

  private func hold(_ progress: (() -> String) -> Void) {
    let end = measurement_now() + UInt64(holdSeconds * 1e9)
    while true {
      let now = measurement_now()
      guard now < end else { return }
      let left = Double(end - now) / 1e9
      progress { "holding \(count) times \(size), \(Int(left.rounded(.up))) s left" }
      Thread.sleep(forTimeInterval: min(left, 0.25))
    }
  }
}

/// Memory that was handed out with something in it.
struct NotZeroError: Error, CustomStringConvertible {
  let index: Int
  let offset: Int
  let heap: String

  var description: String {
    "allocation \(index) from heap '\(heap)' is not zero at byte \(offset)"
  }
}
