// SPDX-License-Identifier: MIT

import Foundation
import PagePools

@testable import dmaheap

/// Device trees that dtc makes while tests run; without dtc, these fail.
enum TestTrees {
  /// Where the repository is.
  static let repository = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Of the board, which guests read, too.
  static let pageSize = PageSize(shift: 12)

  /// The board's file: what it adds to a machine's tree.
  static func boardText() throws -> String {
    let path = repository.appendingPathComponent("VM/checks/board.dts").path
    return String(decoding: try CommandLineRun.bytes(of: path), as: UTF8.self)
  }

  /// The board's tree, with memory reserved.
  static func board() throws -> [UInt8] { try compile(whole(try boardText())) }

  /// A whole tree: a root, and what is added to it.
  static func whole(_ addition: String) -> String {
    """
    /dts-v1/;
    /memreserve/ 0x10000000 0x4000;
    / { compatible = "test,board"; model = "test"; };
    \(addition)
    """
  }

  /// The board with other heaps in place of its own.
  static func compile(heaps: String, regions: String) throws -> [UInt8] {
    try compile(
      whole(
        """
        / {
          reserved-memory {
            #address-cells = <2>; #size-cells = <2>; ranges;
            \(regions)
          };
          \(heaps)
        };
        """))
  }

  /// Compiles a tree, whatever dtc thinks of it.
  static func compile(_ text: String, options: [String] = []) throws -> [UInt8] {
    try withFolder { folder in
      try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/tree.dts"))
      return try convert(folder + "/tree.dts", from: "dts", options)
    }
  }

  /// The tree after dtc made text of it and compiled that.
  static func roundTrip(_ blob: [UInt8], options: [String] = []) throws -> [UInt8] {
    try withFile(blob) { path in
      try compile(
        try CommandLineRun.output(of: ["dtc", "-q", "-I", "dtb", "-O", "dts", path]),
        options: options)
    }
  }

  private static func convert(
    _ path: String, from format: String, _ options: [String]
  ) throws -> [UInt8] {
    let words = ["dtc", "-q", "-f", "-I", format, "-O", "dtb", "-o", path + ".dtb"]
    _ = try CommandLineRun.output(of: words + options + [path])
    return try CommandLineRun.bytes(of: path + ".dtb")
  }

  /// Calls `body` with the path of a file that has the bytes.
  static func withFile<R>(_ bytes: [UInt8], _ body: (String) throws -> R) throws -> R {
    try withFolder { folder in
      let path = folder + "/tree.dtb"
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      return try body(path)
    }
  }

  /// Calls `body` with the path of a folder that is removed afterwards.
  static func withFolder<R>(_ body: (String) throws -> R) throws -> R {
    let path = FileManager.default.temporaryDirectory.path + "/trees-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
  }

  /// The heaps of a tree.
  static func heaps(of blob: [UInt8]) throws -> DeclaredHeaps {
    DeclaredHeaps(in: try FlattenedTree(TreeMemory(blob)), pageSize: pageSize)
  }
}
