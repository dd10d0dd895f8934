// SPDX-License-Identifier: MIT

import ArgumentParser
import Foundation
import Testing

@testable import HeapBench
@testable import dmaheap

/// `--source kernel`: arguments, and what is said where the kernel has no heaps.
@Suite struct KernelSourceTests {
  @Test func bench_parsesHeapsAndCold() throws {
    let bench = try BenchCommand.parse([
      "--source", "kernel", "--heap", "a", "--heap", "b", "--cold", "--burst", "64",
    ])
    #expect(bench.options.workload.source == .kernel)
    #expect(bench.options.workload.heaps == ["a", "b"])
    #expect(bench.options.workload.isCold)
    #expect(bench.options.workload.burst == 64)
    #expect(try BenchCommand.parse([]).options.workload.source == .memfd)
    #expect(try BenchCommand.parse(["--source", "kernel"]).options.workload.heaps == ["system"])
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
