// SPDX-License-Identifier: MIT

import CFDT
import Foundation
import Testing

@testable import dmaheap

/// What is read of a blob, compared with what `fdtget` reads of it.
@Suite struct FlattenedTreeTests {
  @Test func nodes_haveNamesPathsAndParents() throws {
    let tree = try FlattenedTree(TreeMemory(try TestTrees.board()))
    let nodes = Array(tree.nodes)
    #expect(tree.path(of: nodes[0]) == "/" && tree.name(of: nodes[0]).isEmpty)
    #expect(tree.parent(of: nodes[0]) == nil)
    let camera = try #require(nodes.first { tree.name(of: $0) == "camera@50000000" })
    #expect(tree.path(of: camera) == "/reserved-memory/camera@50000000")
    let reserved = try #require(tree.parent(of: camera))
    #expect(tree.isReservedMemory(reserved) && !tree.isReservedMemory(nodes[0]))
    #expect(tree.isCompatible(camera, with: "shared-dma-pool"))
    #expect(!tree.isCompatible(camera, with: "shared-dma"))
    let phandle = try #require(tree.bytes(of: "phandle", of: camera))
    let number = phandle.reduce(0) { $0 << 8 | UInt32($1) }
    #expect(tree.node(of: number) == camera)
    #expect(tree.node(of: 0) == nil && tree.node(of: .max) == nil)
  }

  @Test func blobs_agreeWithFdtget() throws {
    let board = try TestTrees.board()
    for blob in [
      board, try TestTrees.roundTrip(board), try TestTrees.roundTrip(board, options: ["-V", "16"]),
    ] {
      try TestTrees.withFile(blob) { path in
        let tree = try FlattenedTree(TreeMemory(blob))
        let count = try Fdtget(path).compare(tree)
        #expect(count > 40)
        // Their bytes, too.
        for node in tree.nodes {
          for property in try Fdtget(path).properties(of: tree.path(of: node)) {
            let words = ["fdtget", "-t", "bx", path, tree.path(of: node), property]
            let bytes = try CommandLineRun.output(of: words).split(whereSeparator: \.isWhitespace)
              .compactMap { UInt8($0, radix: 16) }
            #expect(tree.bytes(of: property, of: node) == bytes, "\(property)")
          }
        }
      }
    }
  }

  @Test func notTrees_areSaidToBeNone() throws {
    let board = try TestTrees.board()
    let cases: [([UInt8], FlattenedTreeError)] = [
      ([], .damaged(-FDT_ERR_TRUNCATED)), ([0xD0, 0x0D, 0xFE, 0xED], .damaged(-FDT_ERR_TRUNCATED)),
      (Array(repeating: 0, count: 100), .damaged(-FDT_ERR_BADMAGIC)),
      (Array(board.dropLast()), .damaged(-FDT_ERR_TRUNCATED)),
      (Array(repeating: 0, count: FlattenedTree.mostBytes + 1), .tooLarge),
      (try TestTrees.roundTrip(board, options: ["-V", "3"]), .tooOld(3)),
      // A name without slash, which has libfdt read from address 0.
      (board.setting(3, at: 20).setting(3, at: 24), .tooOld(3)),
    ]
    for (bytes, expected) in cases {
      do throws(FlattenedTreeError) {
        _ = try FlattenedTree(TreeMemory(bytes))
        Issue.record("\(bytes.count) bytes are a tree")
      } catch {
        #expect(error == expected)
      }
    }
    // What follows does not matter.
    #expect(throws: Never.self) { try FlattenedTree(TreeMemory(board + [1, 2, 3])) }
  }

  @Test func longPaths_areCutOff() throws {
    let name = String(repeating: "n", count: 500)
    let text = (0..<10).reduce("heap { compatible = \"swift-dma-heaps,region\"; };") { inner, _ in
      "\(name) { \(inner) };"
    }
    let heaps = try TestTrees.heaps(of: try TestTrees.compile(heaps: text, regions: ""))
    #expect(heaps.mistakes.map(\.description) == ["…/heap: 'memory-region' is missing"])
  }
}

/// What libfdt's own tool says of a blob.
struct Fdtget {
  let path: String

  init(_ path: String) { self.path = path }

  func properties(of node: String) throws -> [String] { try lines("-p", node) }

  /// The paths of a node and of those below it, in the order of the tree.
  func nodes(from node: String = "/") throws -> [String] {
    var nodes = [node]
    for child in try lines("-l", node) {
      nodes += try self.nodes(from: node == "/" ? "/\(child)" : "\(node)/\(child)")
    }
    return nodes
  }

  private func lines(_ option: String, _ node: String) throws -> [String] {
    try CommandLineRun.output(of: ["fdtget", option, path, node])
      .split(separator: "\n").map(String.init)
  }

  /// Expects that both know the same nodes, and of each node the same properties.
  ///
  /// - Returns: how many properties there are.
  func compare(_ tree: FlattenedTree) throws -> Int {
    let nodes = try nodes()
    #expect(tree.nodes.map { tree.path(of: $0) } == nodes)
    // What is no text can be asked for by nobody here.
    let properties = try nodes.map { node in
      Set(try self.properties(of: node).filter { $0.utf8.allSatisfy { $0 < 0x80 } })
    }
    let all = properties.reduce(into: Set<String>()) { $0.formUnion($1) }
    for (node, expected) in zip(tree.nodes, properties) {
      #expect(all.filter { tree.bytes(of: $0, of: node) != nil } == expected)
    }
    return properties.reduce(0) { $0 + $1.count }
  }
}
