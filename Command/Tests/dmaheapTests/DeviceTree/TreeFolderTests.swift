// SPDX-License-Identifier: MIT

import Foundation
import Testing

@testable import dmaheap

/// Trees as the kernel shows them, in folders.
@Suite struct TreeFolderTests {
  /// Writes a tree as folders and files, in its order, as the kernel makes them.
  static func write(_ blob: [UInt8], to folder: String) throws {
    let tree = try FlattenedTree(TreeMemory(blob))
    try TestTrees.withFile(blob) { path in
      for node in tree.nodes {
        let node = tree.path(of: node)
        try FileManager.default.createDirectory(
          atPath: folder + node, withIntermediateDirectories: true)
        for property in try Fdtget(path).properties(of: node) {
          let bytes = tree.nodes.first { tree.path(of: $0) == node }
            .flatMap { tree.bytes(of: property, of: $0) }
          try Data(bytes ?? []).write(to: URL(fileURLWithPath: "\(folder)\(node)/\(property)"))
        }
      }
    }
  }

  @Test func folder_isTheTree() throws {
    let blob = try TestTrees.board()
    try TestTrees.withFolder { folder in
      try Self.write(blob, to: folder + "/base")
      // What the kernel's is: a link. Links within lead elsewhere.
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/device-tree", withDestinationPath: folder + "/base")
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/base/of_node", withDestinationPath: "/")
      let read = try TreeSource(path: folder + "/device-tree").read()
      let tree = try FlattenedTree(TreeMemory(blob))
      #expect(
        Set(read.nodes.map { read.path(of: $0) }) == Set(tree.nodes.map { tree.path(of: $0) }))
      for node in tree.nodes {
        let path = tree.path(of: node)
        let other = try #require(read.nodes.first { read.path(of: $0) == path })
        for name in ["compatible", "reusable", "reg", "memory-region", "phandle", "alignment"] {
          #expect(read.bytes(of: name, of: other) == tree.bytes(of: name, of: node), "\(path)")
        }
      }
      let heaps = DeclaredHeaps(in: read, pageSize: TestTrees.pageSize)
      let expected = try TestTrees.heaps(of: blob)
      #expect(Set(heaps.mistakes.map(\.description)) == Set(expected.mistakes.map(\.description)))
      #expect(heaps.heaps.count == expected.heaps.count)
    }
  }

  /// Nodes are listed by a hash, and numbered in the tree's order.
  @Test func nodes_areReadInTheOrderOfTheirNumbers() throws {
    try TestTrees.withFolder { folder in
      var numbers: [String: UInt64] = [:]
      for name in ["m", "c", "x", "a", "q", "b"] {
        let path = "\(folder)/\(name)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        var status = stat()
        #expect(lstat(path, &status) == 0)
        numbers[name] = UInt64(status.st_ino)
      }
      try Data([0]).write(to: URL(fileURLWithPath: folder + "/compatible"))
      let tree = try TreeSource(path: folder).read()
      let names = tree.nodes.dropFirst().map { tree.name(of: $0) }
      #expect(names == numbers.sorted { $0.value < $1.value }.map(\.key))
    }
  }

  @Test func foldersThatAreNoTrees_areNamed() throws {
    func reason(_ path: String) -> String {
      do throws(TreeSourceError) {
        _ = try TreeSource(path: path).read()
        return ""
      } catch {
        return error.description
      }
    }
    #expect(reason("/no/such") == "/no/such: No such file or directory")
    #expect(reason("/") == "/: it is no device tree's root: it has no file 'compatible'")
    try TestTrees.withFolder { folder in
      func add(_ path: String, _ byteCount: Int) throws {
        try Data(repeating: 1, count: byteCount).write(to: URL(fileURLWithPath: folder + path))
      }
      try add("/compatible", 1)
      try add("/large", FlattenedTree.mostBytes + 1)
      #expect(
        reason(folder).hasPrefix(
          "\(folder)/large: it has more than \(FlattenedTree.mostBytes) bytes"))
      // Each of them fits, together they do not.
      try add("/large", FlattenedTree.mostBytes * 3 / 4)
      try add("/more", FlattenedTree.mostBytes * 3 / 4)
      #expect(reason(folder).contains("a device tree has at most \(FlattenedTree.mostBytes) bytes"))
      try add("/large", 1)
      try add("/more", 1)
      let deep = String(repeating: "/n", count: 64)
      try FileManager.default.createDirectory(
        atPath: folder + deep, withIntermediateDirectories: true)
      #expect(reason(folder).contains("more than 64 deep"))
    }
  }
}
