// SPDX-License-Identifier: MIT

import Foundation
import Testing

@testable import HeapBench

/// Heaps of the kernel, compared with one another.
@Suite struct KernelHeapsTests {
  private func row(
    _ heap: String, allocations: [UInt64], elapsed: UInt64
  ) -> BenchReport {
    TestRow.report(
      heap: heap, source: "kernel", interface: .descriptor, allocations: allocations,
      elapsed: elapsed)
  }

  @Test func comparison_isOwnFigureByTheFirsts() throws {
    let first = row("mainline", allocations: [400, 400, 1_000], elapsed: 3_000)
    let second = row("ours", allocations: [100, 100, 500], elapsed: 6_000)
    let comparison = HeapComparison(of: second, with: first)
    #expect(comparison.heap == "mainline")
    #expect(comparison.allocationMedian == 0.25)
    #expect(comparison.allocationMaximum == 0.5)
    #expect(comparison.cycle == 2)
    let nothing = row("nothing", allocations: [0], elapsed: 0)
    #expect(HeapComparison(of: second, with: nothing).allocationMedian == nil)
    #expect(HeapComparison(of: second, with: nothing).cycle == nil)
  }

  @Test func comparison_isAFieldAndATable() throws {
    let first = row("mainline", allocations: [400], elapsed: 1_000)
    var second = row("ours", allocations: [100], elapsed: 500)
    second.comparison = HeapComparison(of: second, with: first)
    second.isCold = true
    let lines = try [first, second].map { try JSONLine.encode($0) }
    let rows = try lines.map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(rows[0]["compared_to"] == nil && rows[0]["cold"] == nil)
    #expect(rows[0]["host"] as? String == "kernel" && rows[0]["source"] as? String == "kernel")
    #expect(rows[1]["cold"] as? Bool == true)
    let compared = try #require(rows[1]["compared_to"] as? [String: Any])
    #expect(compared["heap"] as? String == "mainline")
    #expect(compared["alloc_p50"] as? Double == 0.25)
    #expect(compared["cycle"] as? Double == 0.5)
    #expect(
      Set(compared.keys)
        == ["heap", "alloc_p50", "alloc_p99", "alloc_max", "cycle", "cycle_p50"])

    let table = try #require(BenchTable.comparisons([first, second]))
    #expect(table.split(separator: "\n").count == 3)
    #expect(table.contains("ours / mainline 4 KiB untouched, cold"))
    #expect(table.contains("0.25x") && table.contains("0.50x"))
    #expect(BenchTable.comparisons([first]) == nil)
    let main = BenchTable.text([first, second])
    #expect(main.contains(" heap ") && main.contains(" cold "))
    #expect(!main.contains("fresh/pooled"), "no row has it")
    #expect(BenchTable.remarks([second]).contains { $0.contains("drop_caches") })
  }
}
