// SPDX-License-Identifier: MIT

/// What the module shows of one of its regions (C1).
struct ModuleRegion {
  private static let path = "\(ModuleFiles.debug)/regions"

  /// Of the region's first page.
  let firstFrame: Int
  let pages: Int
  let free: Int
  let largestRun: Int
  /// Pages in each of the heap's chunks, 0 where buffers are runs.
  let chunk: Int

  /// The region of a heap; nil when it has none.
  init?(of heap: String) throws {
    guard TextFile.exists(Self.path) else { return nil }
    for line in try TextFile.words(Self.path) where line[0] == heap {
      let numbers = line[1...].compactMap { Int($0) }
      guard numbers.count == 6 else { throw CheckFailure("regions: '\(line)' has no six numbers") }
      (firstFrame, pages, free) = (numbers[0], numbers[1], numbers[2])
      (largestRun, chunk) = (numbers[3], numbers[4])
      return
    }
    return nil
  }

  /// What its buffers' lengths are rounded up to, in pages.
  var unit: Int { max(chunk, 1) }
}
