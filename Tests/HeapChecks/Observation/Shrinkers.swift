// SPDX-License-Identifier: MIT

import Glibc

/// One of the module's shrinkers, read and driven by hand (A4).
struct ShrinkerFiles {
  static let pools = ShrinkerFiles(name: "pools")
  static let deferred = ShrinkerFiles(name: "deferred")

  let name: String
  private var directory: String { "\(ModuleFiles.debug)/shrinkers/\(name)" }

  /// The pages that could be freed.
  func count() throws -> Int { try counts().reduce(0, +) }

  /// The same for each node of the machine's memory; one number where nodes are not told apart.
  ///
  /// A group without any has no line.
  func counts() throws -> [Int] {
    try TextFile.words("\(directory)/count").flatMap { line in
      try line.dropFirst().map { column in
        guard let count = Int(column) else { throw CheckFailure("\(name)/count: not a number") }
        return count
      }
    }
  }

  /// Frees `pages` pages, or all there are, of group 0 on a node.
  func scan(_ pages: Int, node: Int = 0) throws {
    try TextFile.write("0 \(node) \(pages)", to: "\(directory)/scan")
  }

  /// Frees all there is, on all nodes; node 0 stands for the machine where nodes are not told apart.
  func scanAll() throws {
    try scan(1 << 30)
    for node in 1..<max(2, Machine.nodeCount) { try? scan(1 << 30, node: node) }
  }
}

/// Both shrinkers together.
enum Shrinkers {
  static var areThere: Bool { ModuleFiles.areThere }

  /// Gives everything that waits or is pooled back to the kernel.
  static func empty() throws {
    for _ in 0..<100 {
      try ShrinkerFiles.deferred.scanAll()
      try ShrinkerFiles.pools.scanAll()
      let accounts = try Accounts()
      if accounts.areSettled, accounts.pooled == 0 { return }
      // The worker has a block in its hands, which is in a pool soon.
      usleep(10_000)
    }
    throw CheckFailure("a hundred scans do not empty list and pools: \(try Accounts())")
  }
}

/// A shrinker as the kernel itself shows it (CONFIG_SHRINKER_DEBUG).
struct KernelShrinker {
  private static let all = "/sys/kernel/debug/shrinker"

  private let directory: String

  /// The one whose name, less the number that the kernel adds, is `name`; nil where the kernel shows none.
  static func find(_ name: String) throws -> KernelShrinker? {
    guard let stream = opendir(all) else { return nil }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let found = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if found.hasPrefix("\(name)-") { return KernelShrinker(directory: "\(all)/\(found)") }
    }
    throw CheckFailure("the kernel has no shrinker \(name)")
  }

  /// The pages that it says could be freed, on all nodes.
  func count() throws -> Int {
    try TextFile.words("\(directory)/count").flatMap { $0.dropFirst() }.reduce(0) {
      $0 + (Int($1) ?? 0)
    }
  }

  /// Has it free `pages` pages of no group's, on node 0.
  func scan(_ pages: Int) throws {
    try TextFile.write("0 0 \(pages)", to: "\(directory)/scan")
  }
}
