// SPDX-License-Identifier: MIT

import Foundation
import Testing

@testable import dmaheap

/// `--dtb` and `--device-tree`, and what `heaps` says of the machine's own tree.
@Suite struct DeviceTreeOptionTests {
  /// Runs the command with the board's tree, `TREE` among the arguments.
  private static func run(_ arguments: [String]) throws -> CommandLineRun {
    try TestTrees.withFile(try TestTrees.board()) { path in
      try CommandLineRun(arguments.map { $0 == "TREE" ? path : $0 })
    }
  }

  @Test func heaps_showsThoseOfATree_andWhatIsWrong() throws {
    let run = try Self.run(["heaps", "--dtb", "TREE"])
    #expect(run.exitCode == 0 && run.errors.isEmpty, "\(run.errors)")
    #expect(
      run.output.contains(
        "region of camera-chunks: camera@50000000, 96 MiB in chunks of 64 KiB; 96 MiB free"))
    #expect(run.output.contains("tree.dtb: /bad-width: 'alignment' has 8 bytes instead of 4"))
    let heaps = try Self.run(["heaps", "--json", "--dtb", "TREE"]).objects()
    let there = heaps.filter {
      $0["source"] as? String == "region" && $0["region"] is [String: Any]
    }
    #expect(
      there.compactMap { $0["name"] as? String } == [
        "video", "camera@50000000", "camera-chunks", "display@140000000", "default_cma_region",
      ])
    let wrong = heaps.filter { ($0["name"] as? String)?.hasPrefix("bad-") == true }
    #expect(wrong.count == 7)
    #expect(
      wrong.allSatisfy { ($0["absence_reason"] as? String)?.contains("tree.dtb: /bad-") == true })
    // One that is disabled is nobody's.
    #expect(!heaps.contains { $0["name"] as? String == "disabled-chunks" })
  }

  @Test func allocAndBench_useThem_andWarn() throws {
    let alloc = try Self.run([
      "alloc", "--dtb", "TREE", "--heap", "camera-chunks", "--size", "95M", "--verify",
    ])
    #expect(alloc.exitCode == 0)
    let warnings = alloc.errors.split(separator: "\n")
    #expect(warnings.count == 7 && warnings.allSatisfy { $0.hasPrefix("dmaheap: warning: /") })
    #expect(alloc.errors.contains("tree.dtb: /bad-phandle: 'memory-region' is 0x7777"))
    let bench = try Self.run([
      "bench", "--json", "--dtb", "TREE", "--heap", "camera@50000000", "--heap", "video", "--size",
      "1M", "--iterations", "20", "--no-fresh",
    ])
    #expect(bench.exitCode == 0, "\(bench.errors)")
    #expect(try bench.objects().count == 4)
    let shared = try Self.run([
      "alloc", "--dtb", "TREE", "--heap", "camera@50000000", "--size", "97M",
    ])
    #expect(shared.exitCode == 1 && shared.errors.contains("at most 100663296"))
    let stat = try Self.run([
      "stat", "--json", "--dtb", "TREE", "--heap", "video", "--iterations", "2",
    ])
    #expect(stat.exitCode == 0)
  }

  @Test func fileAndTree_areTakenTogether() throws {
    let config = """
      [[region]]
      name = "own"
      size = "1M"
      [[heap]]
      name = "own-frames"
      memory-region = "own"
      aliases = ["video"]
      """
    try HeapsFileTests.withFile(config) { file in
      let heaps = try Self.run(["heaps", "--json", "--config", file, "--dtb", "TREE"]).objects()
      let regions = heaps.filter { $0["region"] is [String: Any] }
      #expect(
        regions.compactMap { $0["name"] as? String } == [
          "own-frames", "camera@50000000", "camera-chunks", "display@140000000",
          "default_cma_region",
        ])
      let clash = heaps.first { $0["name"] as? String == "video" }
      let reason = clash?["absence_reason"] as? String
      #expect(
        reason?.hasSuffix(
          "/reserved-memory/video: its name 'video' is that of a heap of \(file), too") == true)
    }
  }

  /// A board may have more memory than the machine where its tree is written.
  @Test func regionsThatCannotBeHad_areListed() throws {
    let text = try TestTrees.boardText()
      .replacingOccurrences(of: "0x1 0x40000000 0x0 0x4000000", with: "0x1 0x40000000 0x7f0 0x0")
    try TestTrees.withFile(try TestTrees.compile(TestTrees.whole(text))) { path in
      let run = try CommandLineRun(["heaps", "--json", "--dtb", path])
      #expect(run.exitCode == 0 && run.errors.isEmpty, "\(run.errors)")
      let heaps = try run.objects()
      let video = heaps.first { $0["name"] as? String == "video" }
      let reason = video?["absence_reason"] as? String ?? ""
      #expect(
        reason.contains("tree.dtb: its regions cannot be had: out of memory: 8727373545472 bytes"),
        "\(reason)")
      let system = heaps.first { $0["name"] as? String == "system" }
      #expect(system?["absence_reason"] is NSNull)
      let alloc = try CommandLineRun(["alloc", "--dtb", path, "--heap", "video"])
      #expect(alloc.exitCode == 1 && alloc.errors.contains("dmaheap: error: out of memory"))
    }
  }

  @Test func treesThatCannotBeRead_areErrors() throws {
    let cases = [
      ("/no/such.dtb", "/no/such.dtb: No such file or directory"),
      ("/dev/null", "/dev/null: the device tree is cut off"),
      ("/dev/zero", "it has more than \(FlattenedTree.mostBytes) bytes"),
      ("/", "it is no device tree's root"),
    ]
    for (path, reason) in cases {
      for command in ["heaps", "alloc", "bench", "stat"] {
        let run = try CommandLineRun([command, "--dtb", path])
        #expect(run.exitCode == 1 && run.output.isEmpty)
        #expect(run.hasOneErrorLine && run.errors.contains(reason), "\(run.errors)")
      }
    }
  }

  @Test(.enabled(if: !FileManager.default.fileExists(atPath: "/proc/device-tree")))
  func machinesWithoutTree_areToldSo() throws {
    let run = try CommandLineRun(["heaps", "--device-tree"])
    #expect(run.exitCode == 1 && run.hasOneErrorLine)
    #expect(run.errors.contains("no device tree: there is no /proc/device-tree"))
  }

  @Test(arguments: [
    ["heaps", "--dtb", "a", "--device-tree"], ["alloc", "--source", "kernel", "--dtb", "a"],
    ["bench", "--source", "kernel", "--device-tree"],
    ["bench", "--source", "kernel", "--dtb", "a"],
  ])
  func combinationsWithoutSense_areUsageErrors(arguments: [String]) throws {
    let run = try CommandLineRun(arguments)
    #expect(run.exitCode == 64 && run.hasOneErrorLine, "\(run.errors)")
  }

  /// What the kernel should have and has not.
  @Test func declaredHeaps_withoutNode_areAbsent() throws {
    let tree = try FlattenedTree(TreeMemory(try TestTrees.board()))
    let there = ["system", "camera@50000000"].map {
      HeapReport(absent: $0, source: "kernel", because: "")
    }
    let absent = HeapReport.missing(from: there, declaredBy: tree)
    #expect(
      absent.prefix(3).map(\.name) == ["video", "camera-chunks", "display@140000000"])
    #expect(absent.allSatisfy { $0.source == "kernel" })
    #expect(
      absent.first?.absenceReason?.hasPrefix(
        "declared by /reserved-memory/video of the device tree")
        == true)
    let wrong = absent.first { $0.name == "bad-width" }?.absenceReason
    #expect(wrong == "the device tree's /bad-width: 'alignment' has 8 bytes instead of 4")
    #expect(absent.count == 4 + 7)
  }

  /// A process's heap of that name is not the kernel's.
  @Test func heapsOfTheProcess_areNoNodes() throws {
    let tree = try FlattenedTree(TreeMemory(try TestTrees.board()))
    let own = [HeapReport(absent: "video", source: "region", because: "")]
    #expect(HeapReport.missing(from: own, declaredBy: tree).first?.name == "video")
  }
}
