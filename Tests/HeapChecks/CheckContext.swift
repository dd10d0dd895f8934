// SPDX-License-Identifier: MIT

import TestSupport

/// What a check is made with.
struct CheckContext {
  let arguments: Arguments

  /// Nil when the node cannot be opened, which a check that loads the module wants.
  private let openedNode: HeapNode?

  /// Determines every choice that the check makes.
  let seed: UInt64

  /// Sizes around those that a heap treats differently: one page, a few, 64 KiB and a page more,
  /// 1 MiB, all kinds of blocks together, many large blocks.
  static let sizes = [
    4096, 12288, 65536, 69632, 1 << 20, (1 << 20) + 69632, 8 << 20, 32 << 20,
  ]

  init(_ arguments: Arguments, _ check: Check) {
    self.arguments = arguments
    openedNode = try? HeapNode(arguments.heap)
    // Each check has numbers of its own, the same when it is run alone.
    seed = check.name.utf8.reduce(arguments.seed) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
  }

  var node: HeapNode {
    get throws(CheckFailure) {
      guard let openedNode else { throw CheckFailure("\(arguments.heap) cannot be opened") }
      return openedNode
    }
  }

  var random: SeededGenerator { SeededGenerator(seed: seed) }

  var isStrict: Bool { arguments.isStrict }

  /// The sizes in `sizes` that the heap promises and this machine can do without.
  func fitting(_ sizes: [Int] = sizes) throws -> [Int] {
    let most = min(try node.largestShared, try Machine.memory("MemAvailable") / 4)
    let fitting = sizes.filter { $0 <= most }
    try require(!fitting.isEmpty, "none of \(sizes.count) sizes fits into \(most) bytes")
    return fitting
  }
}
