// SPDX-License-Identifier: MIT

import Glibc

/// One of the module's shrinkers, read and driven by hand (A4).
struct ShrinkerFiles {
  static let pools = ShrinkerFiles(name: "pools")
  static let deferred = ShrinkerFiles(name: "deferred")

  let name: String
  private var directory: String { "\(ModuleFiles.debug)/shrinkers/\(name)" }

  /// The pages that could be freed.
  ///
  /// A group without any has no line.
  func count() throws -> Int {
    var pages = 0
    for line in try TextFile.words("\(directory)/count") {
      for column in line.dropFirst() {
        guard let count = Int(column) else { throw CheckFailure("\(name)/count: not a number") }
        pages += count
      }
    }
    return pages
  }

  /// Frees `pages` pages, or all there are, of group 0 on node 0.
  func scan(_ pages: Int) throws {
    try TextFile.write("0 0 \(pages)", to: "\(directory)/scan")
  }
}

/// Both shrinkers together.
enum Shrinkers {
  static var areThere: Bool { ModuleFiles.areThere }

  /// Gives everything that waits or is pooled back to the kernel.
  static func empty() throws {
    for _ in 0..<100 {
      try ShrinkerFiles.deferred.scan(1 << 30)
      try ShrinkerFiles.pools.scan(1 << 30)
      let accounts = try Accounts()
      if accounts.areSettled, accounts.pooled == 0 { return }
      // The worker has a block in its hands, which is in a pool soon.
      usleep(10_000)
    }
    throw CheckFailure("a hundred scans do not empty list and pools: \(try Accounts())")
  }
}
