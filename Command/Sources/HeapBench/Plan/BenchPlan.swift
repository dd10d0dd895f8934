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
      let description = descriptions.first { $0.name == heap.name }
      let source = description?.source ?? "unknown"
      let interfaces = workload.interfaces.filter { interface in
        description?.capabilities.contains("\(interface)") ?? true
      }
      guard !interfaces.isEmpty else {
        let asked = workload.interfaces.map { "\($0)s" }.joined(separator: " and ")
        throw HeapError.notSupported(heap: heap.name, reason: "it has no \(asked)")
      }
      for size in workload.sizes {
        try workload.need(size).check()
        for interface in interfaces {
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
