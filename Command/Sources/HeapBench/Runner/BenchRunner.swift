// SPDX-License-Identifier: MIT

import CMeasurement
package import DMAHeaps

/// Measures subjects, the pooled row of each and its rivals'.
package struct BenchRunner {
  let system: HeapSystem
  let workload: BenchWorkload
  package let environment: BenchEnvironment
  private let counter = WarmPathCounter()

  package init(system: HeapSystem, workload: BenchWorkload) {
    self.system = system
    self.workload = workload
    environment = BenchEnvironment()
  }

  /// The pooled row and, unless left out or impossible, the fresh and the collapsing one.
  ///
  /// - Parameter progress: is told what is measured.
  package func measure(
    _ subject: BenchSubject, progress: (String) -> Void
  ) throws(BenchFailure) -> [BenchRow] {
    progress("pooled")
    var pooled = try measurePooled(subject)
    guard workload.hasFreshRows else { return [pooled] }
    var rivals: [BenchRow] = []
    for memory in [RowMemory.fresh, .collapsing] {
      if memory == .collapsing, subject.size.byteCount < Population.hugePageByteCount { continue }
      // The worker would take one processor from the rival.
      system.waitUntilIdle()
      progress("\(memory)")
      do throws(BenchFailure) {
        let rival = try measureRival(subject, memory)
        pooled.report.setRatio(of: rival.report)
        rivals.append(rival)
      } catch {
        // Not every kernel can collapse.
        guard error.isShortage || memory == .collapsing else { throw error }
        pooled.report.notes.append("no \(memory) row: \(error)")
      }
    }
    return [pooled] + rivals
  }

  private func measurePooled(_ subject: BenchSubject) throws(BenchFailure) -> BenchRow {
    let byteCount = subject.size.byteCount
    switch subject.interface {
    case .buffer:
      let provider = BufferProvider(system: system, heap: subject.heap, byteCount: byteCount)
      var row = try measure(subject, provider, .pooled, method: nil)
      system.waitUntilIdle()
      row.report.warmPath = try counter.count(
        provider, touched: subject.touched,
        cycles: Schedule.countedCycles(byteCount: byteCount, touched: subject.touched),
        settle: { if subject.touched { system.waitUntilIdle() } })
      return row
    case .descriptor:
      let ways = Self.clients(subject).map { client in
        Way(
          name: client.name,
          provider: DescriptorProvider(
            system: system, heap: subject.heap, byteCount: byteCount, populates: client.populates))
      }
      var row = try describedRow(subject, .pooled, ways)
      row.report.reopen = try measureReopen(subject)
      return row
    }
  }

  private func measureRival(
    _ subject: BenchSubject, _ memory: RowMemory
  ) throws(BenchFailure) -> BenchRow {
    let byteCount = subject.size.byteCount
    let populations =
      memory == .collapsing
      ? [Population.collapsing]
      : Population.candidates(touched: subject.touched, interface: subject.interface)
    switch subject.interface {
    case .buffer:
      let ways = populations.map { population in
        Way(
          name: population.name,
          provider: FreshBufferProvider(population: population, byteCount: byteCount))
      }
      return try fastest(subject, memory, ways).row
    case .descriptor:
      var ways: [Way<FreshDescriptorProvider>] = []
      for population in populations {
        for client in Self.clients(subject) {
          ways.append(
            Way(
              name: [population.name, client.name].compactMap { $0 }.joined(separator: "; "),
              provider: FreshDescriptorProvider(
                population: population, byteCount: byteCount, populates: client.populates)))
        }
      }
      return try describedRow(subject, memory, ways)
    }
  }

  /// How a client of a descriptor can write to all of it.
  private static func clients(_ subject: BenchSubject) -> [(name: String?, populates: Bool)] {
    guard subject.touched else { return [(nil, false)] }
    return [("mmap MAP_POPULATE", true), ("mmap", false)]
  }

  /// A row of descriptors, with what they cost a receiver where the row is about writing.
  private func describedRow(
    _ subject: BenchSubject, _ memory: RowMemory, _ ways: [Way<some DescribedProvider>]
  ) throws(BenchFailure) -> BenchRow {
    var (row, provider) = try fastest(subject, memory, ways)
    if subject.touched {
      row.report.receiver = try ReceiverCost.measure(
        provider, byteCount: subject.size.byteCount, settle: system.waitUntilIdle)
    }
    return row
  }

  /// A bare reopen under the conditions of the subject's row.
  private func measureReopen(_ subject: BenchSubject) throws(BenchFailure) -> LatencySummary {
    let byteCount = subject.size.byteCount
    let isPaced = isPaced(subject)
    let iterations = Schedule.reopen(
      workload, byteCount: byteCount, touched: subject.touched, isPaced: isPaced)
    guard isPaced else {
      return try Reference.reopen(
        byteCount: byteCount, touched: subject.touched, iterations: iterations)
    }
    let provider = DescriptorProvider(
      system: system, heap: subject.heap, byteCount: byteCount, populates: false)
    return try Reference.reopen(
      byteCount: byteCount, touched: false, iterations: iterations
    ) { () throws(BenchFailure) in
      provider.release(try provider.allocate())
      system.waitUntilIdle()
    }
  }
}
