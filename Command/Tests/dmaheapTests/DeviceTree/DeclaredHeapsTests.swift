// SPDX-License-Identifier: MIT

import DMAHeaps
import Foundation
import Testing

@testable import dmaheap

/// Heaps that a blob declares: their names, and what is said of those that are wrong (C3).
@Suite struct DeclaredHeapsTests {
  @Test func board_hasItsHeaps() throws {
    let board = try TestTrees.heaps(of: try TestTrees.board())
    // As the kernel module names them, and in the order of the tree.
    #expect(
      board.heaps.map(\.name) == [
        "video", "camera@50000000", "camera-chunks", "display@140000000", "default_cma_region",
      ])
    #expect(
      board.heaps.map(\.aliases) == [[], [], [], [], ["linux,cma", "reserved", "cma"]])
    #expect(
      board.heaps.map(\.path) == [
        "/reserved-memory/video", "/camera-frames", "/camera-chunks", "/display-chunks",
        "/standard-heap",
      ])
    #expect(board.heaps.map(\.chunkByteCount) == [128 << 10, nil, 64 << 10, 1 << 20, nil])
    #expect(
      board.heaps.map(\.byteCount) == [64 << 20, 96 << 20, 96 << 20, 64 << 20, 64 << 20])
    #expect(
      board.mistakes.map(\.name) == [
        "bad-no-region", "bad-no-alignment", "bad-alignment", "bad-width", "bad-size",
        "bad-phandle", "bad-region",
      ])
    let regions = board.regions
    #expect(regions.map(\.name) == ["video", "camera@50000000", "display@140000000", "linux,cma"])
    #expect(regions[1].heaps.map(\.name) == ["camera@50000000", "camera-chunks"])
    #expect(regions[1].byteCount == 96 << 20)
  }

  /// What breaks one rule each, as `Tests/bindings` shows it to the schemas.
  private struct MistakenBoard {
    let name: String
    let refusers: String
    let script: String
    let said: String

    static func all() throws -> [MistakenBoard] {
      let path = TestTrees.repository.appendingPathComponent("Tests/mistaken-boards").path
      return String(decoding: try CommandLineRun.bytes(of: path), as: UTF8.self)
        .split(separator: "\n").filter { !$0.hasPrefix("#") }
        .map { line in
          let words = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
          return MistakenBoard(
            name: words[0], refusers: words[1], script: words[2], said: words[3])
        }
    }
  }

  @Test func eachRule_brokenAlone_isNamed() throws {
    let base = try TestTrees.heaps(of: try TestTrees.board()).mistakes.map(\.description)
    let boards = try MistakenBoard.all()
    #expect(boards.count > 30)
    let path = TestTrees.repository.appendingPathComponent("VM/checks/board.dts").path
    for board in boards {
      let text = try CommandLineRun.output(of: ["sed", "-E", board.script, path])
      let heaps = try TestTrees.heaps(of: try TestTrees.compile(TestTrees.whole(text)))
      let mistakes = heaps.mistakes.map(\.description)
      if board.refusers == "schema" {
        #expect(mistakes == base, "\(board.name)")
      } else {
        #expect(!base.contains(board.said), "\(board.name)")
        #expect(mistakes.contains(board.said), "\(board.name): \(mistakes)")
        let node = board.said.prefix { $0 != ":" }
        #expect(!heaps.heaps.contains { $0.path == node }, "\(board.name)")
      }
    }
  }

  @Test(arguments: [
    ("okay", true), ("ok", true), ("disabled", false), ("reserved", false), ("", false),
  ])
  func status_saysWhetherANodeCounts(status: String, isThere: Bool) throws {
    let heaps = try TestTrees.heaps(
      of: try TestTrees.compile(
        heaps: """
          a { compatible = "swift-dma-heaps,region"; memory-region = <&r>; status = "\(status)"; };
          b { compatible = "swift-dma-heaps,region"; status = "\(status)"; };
          """,
        regions: Self.region("r", address: 0x4000_0000)))
    #expect(heaps.heaps.map(\.name) == (isThere ? ["r@40000000"] : []))
    #expect(heaps.mistakes.map(\.path) == (isThere ? ["/b"] : []))
  }

  private static func region(_ label: String, name: String? = nil, address: Int) -> String {
    let hex = String(address, radix: 16)
    return """
      \(label): \(name ?? label)@\(hex) {
        compatible = "shared-dma-pool"; reusable; reg = <0 0x\(hex) 0 0x100000>;
      };
      """
  }

  @Test func names_areOneHeapsEach() throws {
    let blob = try TestTrees.compile(
      heaps: """
        frames { compatible = "swift-dma-heaps,region"; memory-region = <&r>; };
        more { compatible = "swift-dma-heaps,region"; memory-region = <&r>; };
        inner { more { compatible = "swift-dma-heaps,region"; memory-region = <&r>; }; };
        taken { compatible = "swift-dma-heaps,region"; memory-region = <&s>; };
        """,
      regions: Self.region("r", address: 0x4000_0000) + Self.region("s", address: 0x5000_0000))
    let tree = try FlattenedTree(TreeMemory(blob))
    let heaps = DeclaredHeaps(
      in: tree, pageSize: TestTrees.pageSize, beside: ["s@50000000": "a heap of board.toml"])
    #expect(heaps.heaps.map(\.name) == ["r@40000000", "more"])
    #expect(
      heaps.mistakes.map(\.description) == [
        "/inner/more: its name 'more' is that of /more, too",
        "/taken: its name 's@50000000' is that of a heap of board.toml, too",
      ])
    let few = DeclaredHeaps(in: tree, pageSize: TestTrees.pageSize, room: 1)
    #expect(few.heaps.count == 1)
    #expect(few.mistakes.first?.reason == "there is room for 1 heaps of regions, and no more")
  }

  @Test func namesThatCannotBe_areRefused() throws {
    let long = String(repeating: "x", count: 60)
    var blob = try TestTrees.compile(
      heaps: """
        a { compatible = "swift-dma-heaps,region"; memory-region = <&r>; };
        b { compatible = "swift-dma-heaps,region"; memory-region = <&s>; };
        """,
      regions: Self.region("r", name: long, address: 0x4000_0000)
        + Self.region("s", name: "escape", address: 0x5000_0000))
    // No compiler lets it pass.
    let escape = Array("escape".utf8)
    for index in blob.indices.dropLast(6) where Array(blob[index..<index + 6]) == escape {
      blob[index] = 0x1B
    }
    let heaps = try TestTrees.heaps(of: blob)
    #expect(heaps.heaps.isEmpty)
    #expect(
      heaps.mistakes.map(\.reason) == [
        "its name '\(long)@40000000' has more than 63 bytes",
        "its name '\\u{1B}scape@50000000' has characters that no node's name can have",
      ])
  }

  @Test func treesOfMistakes_haveAnEnd() throws {
    let nodes = (0..<200).map { "bad\($0) { compatible = \"swift-dma-heaps,region\"; };" }
    let heaps = try TestTrees.heaps(
      of: try TestTrees.compile(heaps: nodes.joined(separator: "\n"), regions: ""))
    #expect(heaps.mistakes.count == DeclaredHeaps.mostMistakes)
  }
}
