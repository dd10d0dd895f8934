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
      try Self.checkMemory(count: workload.burst, size: size)
      for touched in workload.touches {
        subjects.append(KernelBenchSubject(heaps: heaps, size: size, touched: touched))
      }
    }
    self.subjects = subjects
  }

  /// Refuses what cannot fit: heaps take page after page until the machine has none left, and then the
  /// kernel kills processes.
  ///
  /// What is available would be too strict a measure, for pools of the heap itself may have the rest.
  static func checkMemory(
    count: Int, size: ByteSize, total: Int = HeapSystem.machineByteCount
  ) throws(BenchFailure) {
    let (needed, overflow) = size.byteCount.multipliedReportingOverflow(by: count)
    guard overflow || needed > total else { return }
    throw .moreThanTheMachineHas(
      needed: overflow ? Int.max : needed, total: total, count: count, size: size)
  }
}
