// SPDX-License-Identifier: MIT

import ArgumentParser
import Testing

@testable import HeapBench
@testable import dmaheap

@Suite struct ArgumentTests {
  @Test func bench_withoutArguments_measuresTheSeriesSizes() throws {
    let bench = try BenchCommand.parse([])
    #expect(bench.options.workload.heaps == ["system"])
    #expect(bench.options.workload.sizes.map(\.byteCount) == [4096, 1 << 20, 8 << 20, 32 << 20])
    #expect(bench.options.workload.interfaces == [.buffer, .descriptor])
    #expect(bench.options.workload.touches == [false, true])
    #expect(bench.options.workload.iterations == nil)
    #expect(bench.options.workload.burst == 1)
    #expect(bench.options.workload.threads == 1)
  }

  @Test func bench_repeatedOptions_replaceTheDefaults() throws {
    let bench = try BenchCommand.parse([
      "--heap", "a", "--heap", "b", "--size", "64K", "--size", "1M", "--api", "descriptor",
      "--iterations", "7", "--touched", "--no-fresh", "--pool-size", "1G", "--deferred-size", "1M",
    ])
    #expect(bench.options.workload.heaps == ["a", "b"])
    #expect(bench.options.workload.sizes.map(\.byteCount) == [64 << 10, 1 << 20])
    #expect(bench.options.workload.interfaces == [.descriptor])
    #expect(bench.options.workload.touches == [true])
    #expect(bench.options.workload.iterations == 7)
    #expect(bench.options.workload.hasFreshRows == false)
    #expect(bench.limits.poolSize?.byteCount == 1 << 30)
    #expect(bench.limits.deferredSize?.byteCount == 1 << 20)
  }

  @Test func bench_touchedAndUntouched_measuresBoth() throws {
    let both = try BenchCommand.parse(["--touched", "--untouched"])
    #expect(both.options.workload.touches == [false, true])
    #expect(try BenchCommand.parse(["--untouched"]).options.workload.touches == [false])
  }

  @Test(arguments: [
    ["bench", "--size", "0"], ["bench", "--size", "many"], ["bench", "--size", "8388608T"],
    ["bench", "--iterations", "0"], ["bench", "--iterations", "x"], ["bench", "--burst", "-1"],
    ["bench", "--threads", "0"], ["bench", "--threads", "1025"], ["bench", "--api", "kernel"],
    ["bench", "--burst", "2", "--threads", "2"],
    ["bench", "--source", "kernel", "--in-place"],
    ["bench", "--fragment", "--burst", "2"], ["bench", "--fragment", "--source", "kernel"],
    ["alloc", "--source", "kernel", "--config", "board.toml"],
    ["bench", "--unknown"], ["bench", "extra"],
    ["alloc", "--size", "0K"], ["alloc", "--count", "0"], ["alloc", "--count", "100000001"],
    ["alloc", "--hold", "-1"], ["alloc", "--hold", "x"], ["alloc", "--hold", "inf"],
    ["stat", "--burst", "0"], ["stat", "--pool-size", "0"], ["heaps", "extra"], ["nothing"],
  ])
  func parse_ofWrongUsage_isUsageError(arguments: [String]) {
    let error = #expect(throws: (any Error).self) { try DMAHeapCommand.parseAsRoot(arguments) }
    if let error { #expect(DMAHeapCommand.exitCode(for: error) == .validationFailure) }
  }

  @Test func sizeError_namesInputAndOption() {
    let error = #expect(throws: (any Error).self) {
      try DMAHeapCommand.parseAsRoot(["bench", "--size", "0"])
    }
    guard let error else { return }
    let message = DMAHeapCommand.message(for: error)
    #expect(message.contains("--size"))
    #expect(message.contains("'0'"))
    #expect(message.contains("1 byte"))
  }

  @Test func help_hasExamples() {
    #expect(DMAHeapCommand.helpMessage().contains("EXAMPLES"))
    for command in DMAHeapCommand.configuration.subcommands {
      let help = DMAHeapCommand.helpMessage(for: command)
      #expect(help.contains("EXAMPLES") && help.contains("  dmaheap "), "\(command)")
    }
  }

  @Test func errorLine_isOneLine() {
    #expect(ErrorLine.line("first\n  second\n\nthird\n") == "dmaheap: error: first second third\n")
  }

  @Test func errorLine_showsWhatATerminalWouldObey() {
    #expect(
      ErrorLine.line("no 'a\u{1B}[2J\u{9B}b\u{202E}'")
        == #"dmaheap: error: no 'a\u{1B}[2J\u{9B}b\u{202E}'"# + "\n")
    #expect(
      ErrorLine.line("no 'a\nb' and 'c\rd'\nat all", arguments: ["a\nb", "--x=c\rd"])
        == #"dmaheap: error: no 'a\u{A}b' and 'c\u{D}d' at all"# + "\n")
    #expect(ErrorLine.line("grün 界 \\") == "dmaheap: error: grün 界 \\\n")
  }
}
