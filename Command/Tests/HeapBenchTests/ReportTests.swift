// SPDX-License-Identifier: MIT

import Foundation
import Testing

@testable import HeapBench

@Suite struct ReportTests {
  private static let commonKeys: Set<String> = [
    "host", "source", "heap", "api", "bytes", "touched", "pooled", "iterations", "ns_per_call",
    "alloc_ns",
  ]

  private func object(_ report: some Encodable) throws -> [String: Any] {
    let line = try JSONLine.encode(report)
    #expect(!line.contains("\n"))
    return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
  }

  @Test func row_hasTheCommonKeys() throws {
    let row = try object(TestRow.report(allocations: [10, 20, 30], elapsed: 90))
    #expect(Self.commonKeys.isSubset(of: row.keys))
    #expect(row["host"] as? String == "userspace")
    #expect(row["source"] as? String == "memfd")
    #expect(row["api"] as? String == "buffer")
    #expect(row["bytes"] as? Int == 4096)
    #expect(row["touched"] as? Bool == false)
    #expect(row["pooled"] as? Bool == true)
    #expect(row["iterations"] as? Int == 3)
    #expect(row["ns_per_call"] as? Double == 30)
    let latency = try #require(row["alloc_ns"] as? [String: Any])
    #expect(Set(latency.keys) == ["p50", "p99", "p999", "max"])
    #expect(latency["max"] as? Int == 30)
    #expect(row["malloc_calls"] == nil)
  }

  @Test func row_whoseCallsCannotBeCounted_saysNull() throws {
    var report = TestRow.report(allocations: [10], elapsed: 10)
    report.warmPath = WarmPathCount(cycles: 1000, allocationCalls: nil, systemCallCycles: nil)
    let unknown = try object(report)
    #expect(unknown["malloc_calls"] is NSNull)
    #expect(unknown["syscall_cycles"] is NSNull)
    report.warmPath = WarmPathCount(cycles: 1000, allocationCalls: 0, systemCallCycles: 2)
    let counted = try object(report)
    #expect(counted["malloc_calls"] as? Int == 0)
    #expect(counted["syscall_cycles"] as? Int == 2)
    #expect(counted["counted_cycles"] as? Int == 1000)
  }

  @Test func table_hasRowsAndRemarks() {
    var pooled = TestRow.report(interface: .descriptor, allocations: [10, 10], elapsed: 20)
    pooled.freshToPooled = 123.4
    pooled.poolMisses = 7
    pooled.reopen = LatencySummary(LatencyDistribution([5]))
    pooled.notes = ["no fresh row: out of it"]
    var fresh = TestRow.report(memory: .fresh, allocations: [1000], elapsed: 1000)
    fresh.wantedIterations = 5000
    let lines = BenchTable.text([pooled, fresh]).split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines[2].contains("123x"))
    #expect(lines[3].hasSuffix("posix_fallocate"))
    #expect(BenchTable.reopens([pooled, fresh])?.contains("2.00x") == true)
    #expect(BenchTable.warmPath([pooled, fresh]) == nil)
    #expect(BenchTable.remarks([pooled, fresh]).count == 2)
    #expect(BenchTable.receivers([pooled, fresh]) == nil)
  }

  @Test func rivals_areToldApart() throws {
    var pooled = TestRow.report(allocations: [100], elapsed: 200)
    let fresh = TestRow.report(memory: .fresh, allocations: [1000], elapsed: 2000)
    let collapsing = TestRow.report(memory: .collapsing, allocations: [300], elapsed: 600)
    for rival in [fresh, collapsing] { pooled.setRatio(of: rival) }
    let row = try object(pooled)
    #expect(row["fresh_to_pooled"] as? Double == 10)
    #expect(row["collapsing_to_pooled"] as? Double == 3)
    #expect(try object(collapsing)["memory"] as? String == "collapsing")
    let lines = BenchTable.text([pooled, fresh, collapsing]).split(separator: "\n")
    #expect(lines[0].contains("fresh/pooled collapsing/pooled of"))
    #expect(lines[2].contains("10.0x") && lines[2].contains("3.00x"))
    #expect(lines[4].contains(" collapsing "))
  }
}
