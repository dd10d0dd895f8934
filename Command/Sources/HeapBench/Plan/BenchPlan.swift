// SPDX-License-Identifier: MIT

package import DMAHeaps

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
        try workload.need(size).check()
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
}
