// SPDX-License-Identifier: MIT

package import DMAHeaps

/// A client that allocates several at once and frees them, again and again, for what it leaves behind in
/// the pools.
package struct BurstingClient: Sendable {
  package let heap: String
  package let interface: AllocationInterface
  package let size: ByteSize

  /// Allocations to make.
  package let iterations: Int

  /// Allocations live at once.
  package let burst: Int

  /// Whether every byte is written before it is freed.
  package let touched: Bool

  package init(
    heap: String, interface: AllocationInterface, size: ByteSize, iterations: Int, burst: Int,
    touched: Bool
  ) {
    self.heap = heap
    self.interface = interface
    self.size = size
    self.iterations = iterations
    self.burst = burst
    self.touched = touched
  }

  /// Runs until everything that was freed is back in the pools.
  ///
  /// - Parameter progress: is told often how far the run is.
  package func run(on system: HeapSystem, progress: (() -> String) -> Void) throws {
    let heap = try system.heap(named: heap)
    try MemoryNeed(count: min(burst, iterations), size: size, figures: (burst, 64)).check()
    switch interface {
    case .buffer:
      try run(BufferProvider(system: system, heap: heap, byteCount: size.byteCount), progress)
    case .descriptor:
      try run(
        DescriptorProvider(system: system, heap: heap, byteCount: size.byteCount, populates: true),
        progress)
    }
    system.waitUntilIdle()
  }

  private func run(
    _ provider: some MemoryProvider, _ progress: (() -> String) -> Void
  ) throws(BenchFailure) {
    var samples = Samples(capacity: burst)
    var made = 0
    while made < iterations {
      let live = min(burst, iterations - made)
      try MeasuredLoop.burst(provider, touched: touched, live: live, first: 0, into: &samples)
      made += live
      progress { "\(made) of \(iterations) allocated and freed" }
    }
  }
}
