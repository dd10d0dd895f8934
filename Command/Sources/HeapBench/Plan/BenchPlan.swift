// SPDX-License-Identifier: MIT

@_spi(Command) package import DMAHeaps

/// What one pair of rows, pooled and fresh, is about.
package struct BenchSubject: Sendable, CustomStringConvertible {
  let heap: Heap
  let source: String
  let interface: AllocationInterface
  let size: ByteSize
  let touched: Bool

  package var description: String {
    "\(heap.name) \(interface) \(size) \(touched ? "touched" : "untouched")"
  }
}

/// All rows of a run, checked before the first is measured.
package struct BenchPlan {
  package let subjects: [BenchSubject]

  package init(_ workload: BenchWorkload, system: HeapSystem) throws {
    let descriptions = system.descriptions
    var subjects: [BenchSubject] = []
    for name in workload.heaps {
      let heap = try system.heap(named: name)
      let source = descriptions.first { $0.name == heap.name }?.source ?? "unknown"
      for size in workload.sizes {
        try Self.checkMemory(burst: workload.burst, size: size)
        for interface in workload.interfaces {
          for touched in workload.touches {
            subjects.append(
              BenchSubject(
                heap: heap, source: source, interface: interface, size: size, touched: touched))
          }
        }
      }
    }
    self.subjects = subjects
  }

  /// Refuses bursts that would drive the machine out of memory: descriptors are not charged to a
  /// process in a way that ends only this one.
  static func checkMemory(
    burst: Int, size: ByteSize, available: Int? = HeapSystem.availableByteCount
  ) throws(BenchFailure) {
    guard burst > 1, let available else { return }
    let (needed, overflow) = size.byteCount.multipliedReportingOverflow(by: burst)
    guard overflow || needed > available else { return }
    throw .notEnoughMemory(
      needed: overflow ? Int.max : needed, available: available, burst: burst, size: size)
  }
}
