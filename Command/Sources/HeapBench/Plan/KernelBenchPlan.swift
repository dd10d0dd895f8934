// SPDX-License-Identifier: MIT

@_spi(Command) import DMAHeaps

/// What one row of each heap is about.
package struct KernelBenchSubject: CustomStringConvertible {
  /// The first is what the others are compared with.
  let heaps: [KernelHeap]
  let size: ByteSize
  let touched: Bool

  package var description: String {
    heaps.map(\.name).joined(separator: ", ")
      + " \(size) \(touched ? "touched" : "untouched")"
  }
}

/// All rows of a run on kernel heaps, checked before the first is measured.
package struct KernelBenchPlan {
  package let subjects: [KernelBenchSubject]

  package init(_ workload: BenchWorkload) throws {
    var heaps: [KernelHeap] = []
    for name in workload.heaps { heaps.append(try KernelHeap(named: name)) }
    var subjects: [KernelBenchSubject] = []
    for size in workload.sizes {
      try workload.need(size).check(.machine(HeapSystem.machineByteCount))
      for touched in workload.touches {
        subjects.append(KernelBenchSubject(heaps: heaps, size: size, touched: touched))
      }
    }
    self.subjects = subjects
  }
}
