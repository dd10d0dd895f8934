// SPDX-License-Identifier: MIT

import DMAHeaps
import Foundation
import Testing

@testable import dmaheap

/// The file that sets regions aside.
@Suite struct HeapsFileTests {
  static let board = """
    # a board
    [[region]]
    name = "camera"
    size = "16M"

    [[region]]
    name = "video"
    size = 4194304

    [[heap]]
    name = "frames"
    memory-region = "camera"
    aliases = ["cma", "reserved"]

    [[heap]]
    name = "chunks"
    memory-region = "camera"
    alignment = "64K"

    [[heap]]
    name = "video-frames"
    memory-region = "video"
    """

  /// Calls `body` with the path of a file that has the text.
  static func withFile<R>(_ text: String, _ body: (String) throws -> R) throws -> R {
    let path = FileManager.default.temporaryDirectory.path + "/heaps-\(UUID().uuidString).toml"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
  }

  @Test func regions_haveTheirHeaps() throws {
    let regions = try Self.withFile(Self.board) { try HeapsFile(path: $0).regions }
    #expect(regions.map(\.name) == ["camera", "video"])
    #expect(regions.map(\.byteCount) == [16 << 20, 4 << 20])
    #expect(regions[0].heaps.map(\.name) == ["frames", "chunks"])
    #expect(regions[0].heaps.map(\.aliases) == [["cma", "reserved"], []])
    #expect(regions[0].heaps.map(\.chunkByteCount) == [nil, 65536])
    #expect(regions[1].heaps.map(\.name) == ["video-frames"])
    let none = try Self.withFile("") { try HeapsFile(path: $0).regions }
    #expect(none.isEmpty)
  }

  @Test(arguments: [
    ("[[region]]\nsize = 1\n", "region 1: 'name' is missing"),
    ("[[region]]\nname = 'a'\nsise = '1M'", "region 1: 'size' is missing"),
    (
      "[[region]]\nname = 'a'\nsize = '1M'\nsise = 1\n[[heap]]\nname = 'h'\nmemory-region = 'a'",
      "'sise'"
    ),
    ("[[regiom]]\nname = 'a'\n", "'regiom'"),
    ("region = 3\n", "region: "),
    ("[[region]]\nname = 'a'\nsize = 1.5\n", "region 1 size: a size is a whole number"),
    ("[[region]]\nname = 'a'\nsize = '0'\n", "'0' is no size"),
    ("[[region]]\nname = 'a'\nsize = '1M'\n", "region 'a' has no heap"),
    ("[[region]]\nname = 'a'\nsize = 1\n[[region]]\nname = 'a'\nsize = 1\n", "two regions 'a'"),
    ("[[heap]]\nname = 'h'\nmemory-region = 'b'\n", "'b', which is no region"),
    ("[[heap]]\nname = 'h'\n", "heap 1: 'memory-region' is missing"),
    ("# fine\n[[region]\n", "line 2: "),
  ])
  func mistakes_areNamed(text: String, explanation: String) throws {
    try Self.withFile(text) { path in
      let error = #expect(throws: HeapsFileError.self) { try HeapsFile(path: path) }
      #expect(error?.description.hasPrefix(path + ": ") == true)
      #expect(error?.description.contains(explanation) == true, "\(error?.description ?? "")")
    }
  }

  @Test func filesThatCannotBeRead_areNamed() {
    let cases = [
      ("/no/such/file", "No such file"), ("/tmp", "Is a directory"),
      ("/dev/zero", "it has more than 1048576 bytes"),
    ]
    for (path, reason) in cases {
      let error = #expect(throws: HeapsFileError.self) { try HeapsFile(path: path) }
      #expect(
        error?.description.hasPrefix("\(path): \(reason)") == true, "\(error?.description ?? "")")
    }
  }

  // MARK: With the command

  @Test func heaps_showsRegions() throws {
    let run = try Self.withFile(Self.board) { try CommandLineRun(["heaps", "--config", $0]) }
    #expect(run.exitCode == 0, "\(run.errors)")
    #expect(
      run.output.contains("region of chunks: camera, 16 MiB in chunks of 64 KiB; 16 MiB free"))
    #expect(!run.output.contains("default_cma_region"))
    let json = try Self.withFile(Self.board) {
      try CommandLineRun(["heaps", "--json", "--config", $0])
    }
    let chunks = try json.objects().first { $0["name"] as? String == "chunks" }
    let region = try #require(chunks?["region"] as? [String: Any])
    #expect(region["chunk_bytes"] as? Int == 65536 && region["free_bytes"] as? Int == 16 << 20)
  }

  @Test func allocAndBench_useThem() throws {
    let alloc = try Self.withFile(Self.board) {
      try CommandLineRun(["alloc", "--config", $0, "--heap", "cma", "--size", "9M", "--verify"])
    }
    #expect(alloc.exitCode == 0, "\(alloc.errors)")
    let tooMuch = try Self.withFile(Self.board) {
      try CommandLineRun([
        "alloc", "--config", $0, "--heap", "chunks", "--size", "9M", "--count", "2",
      ])
    }
    #expect(tooMuch.exitCode == 1)
    #expect(tooMuch.errors.contains("7340032 are free"), "\(tooMuch.errors)")
    let bench = try Self.withFile(Self.board) {
      try CommandLineRun([
        "bench", "--json", "--config", $0, "--heap", "chunks", "--heap", "frames", "--size", "1M",
        "--iterations", "20", "--no-fresh",
      ])
    }
    #expect(bench.exitCode == 0, "\(bench.errors)")
    let rows = try bench.objects()
    #expect(rows.count == 4)
    #expect(
      rows.allSatisfy { $0["source"] as? String == "region" && $0["api"] as? String == "buffer" })
    let fragment = try Self.withFile(Self.board) {
      try CommandLineRun([
        "bench", "--json", "--config", $0, "--heap", "chunks", "--fragment", "--iterations", "50",
      ])
    }
    #expect(fragment.exitCode == 0, "\(fragment.errors)")
    #expect(
      try fragment.objects().map { $0["served"] as? Bool } == [true, true, true, true, false])
    let descriptors = try Self.withFile(Self.board) {
      try CommandLineRun(["bench", "--config", $0, "--heap", "chunks", "--api", "descriptor"])
    }
    #expect(descriptors.exitCode == 1 && descriptors.errors.contains("no descriptors"))
  }
}
