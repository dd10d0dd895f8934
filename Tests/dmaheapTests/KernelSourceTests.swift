// SPDX-License-Identifier: MIT

import ArgumentParser
import Foundation
import Testing

@testable import dmaheap

/// `--source kernel`: arguments, comparisons, and what is said where the kernel has no heaps.
@Suite struct KernelSourceTests {
  @Test func bench_parsesHeapsAndCold() throws {
    let bench = try BenchCommand.parse([
      "--source", "kernel", "--heap", "a", "--heap", "b", "--cold", "--burst", "64",
    ])
    #expect(bench.workload.source == .kernel)
    #expect(bench.workload.heaps == ["a", "b"])
    #expect(bench.workload.cold)
    #expect(bench.workload.burst == 64)
    #expect(try BenchCommand.parse([]).workload.source == .memfd)
    #expect(try BenchCommand.parse(["--source", "kernel"]).workload.heaps == ["system"])
  }

  @Test(arguments: [
    ["bench", "--source", "kernel", "--api", "buffer"], ["bench", "--cold"],
    ["bench", "--source", "kernel", "--cold", "--threads", "2"],
    ["bench", "--source", "kernel", "--pool-size", "1G"],
    ["bench", "--source", "kernel", "--deferred-size", "1G"], ["bench", "--source", "none"],
    ["alloc", "--source", "kernel", "--api", "buffer"],
  ])
  func combinationsWithoutSense_areUsageErrors(arguments: [String]) {
    let error = #expect(throws: (any Error).self) { try DMAHeapCommand.parseAsRoot(arguments) }
    if let error { #expect(DMAHeapCommand.exitCode(for: error) == .validationFailure) }
  }

  @Test func plan_withoutFolder_fails() throws {
    let options = try BenchCommand.parse(["--source", "kernel"]).workload
    let error = #expect(throws: (any Error).self) {
      try KernelBenchPlan(options, folder: "/no-such-folder")
    }
    #expect(error.map { "\($0)" }?.contains("/no-such-folder: No such file or directory") == true)
  }

  @Test func moreThanTheMachineHas_isRefusedBeforeTheKernelIsAsked() {
    let size = ByteSize(byteCount: 1 << 30)
    #expect(throws: Never.self) {
      try KernelBenchPlan.checkMemory(count: 4, size: size, total: 4 << 30)
    }
    for count in [5, Int.max] {
      let error = #expect(throws: BenchFailure.self) {
        try KernelBenchPlan.checkMemory(count: count, size: size, total: 4 << 30)
      }
      #expect(error.map { "\($0)" }?.hasSuffix("; the machine has 4194304 kB") == true)
    }
  }

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

  @Test(.enabled(if: !FileManager.default.fileExists(atPath: "/dev/dma_heap")))
  func withoutKernelHeaps_commandsSayWhatIsMissing() throws {
    for arguments in [["bench", "--source", "kernel"], ["alloc", "--source", "kernel"]] {
      let run = try CommandLineRun(arguments)
      #expect(run.exitCode == 1)
      #expect(run.output.isEmpty)
      #expect(run.hasOneErrorLine, "\(run.errors)")
      #expect(run.errors.contains("'system'"))
      #expect(run.errors.contains("/dev/dma_heap: No such file or directory"))
    }
    let heaps = try CommandLineRun(["heaps", "--json"]).objects()
    let kernels = heaps.filter {
      $0["source"] as? String == "kernel" && $0["name"] as? String == "system"
    }
    let reasons = kernels.map { $0["absence_reason"] as? String }
    #expect(reasons == ["/dev/dma_heap: No such file or directory"])
  }
}
