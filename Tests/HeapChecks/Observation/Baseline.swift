// SPDX-License-Identifier: MIT

import Glibc

/// All that must be as it was once a check's buffers are gone: three independent counts of them.
struct Baseline {
  /// Descriptors of this process.
  let descriptors: Int

  /// Buffers of all exporters, as the kernel's dma-buf code counts them; nil where it does not show.
  let liveBuffers: Int?

  /// Pages in buffers, as the module counts them; nil for other heaps.
  let pagesInBuffers: Int?

  private static let bufferInfo = "/sys/kernel/debug/dma_buf/bufinfo"

  init() throws {
    descriptors = DescriptorTable.openCount
    liveBuffers = try Self.countLiveBuffers()
    pagesInBuffers = ModuleFiles.areThere ? try Accounts().inBuffers : nil
  }

  /// The last line is `Total N objects, M bytes`; others count the devices of each buffer.
  private static func countLiveBuffers() throws -> Int? {
    guard TextFile.exists(bufferInfo) else { return nil }
    for line in try TextFile.words(bufferInfo) {
      if line.count > 2, line[0] == "Total", line[2] == "objects," { return Int(line[1]) }
    }
    return nil
  }

  /// Fails the check unless all is as it was.
  ///
  /// Processes that are gone may still be cleaned up after, so it waits for a while.
  func requireReturn(_ what: @autoclosure () -> String) throws {
    var now = self
    let isBack = try Machine.wait {
      now = try Baseline()
      return now.descriptors == descriptors && now.liveBuffers == liveBuffers
        && now.pagesInBuffers == pagesInBuffers
    }
    try require(isBack, "\(what()): left behind: \(now.difference(from: self))")
  }

  /// Fails the check unless there is `buffers` buffers more than there were, of `pages` pages together.
  func requireHeld(buffers: Int, pages: Int, _ what: @autoclosure () -> String) throws {
    // What was released by mistake may take a moment to go.
    usleep(20_000)
    let now = try Baseline()
    if let liveBuffers, let current = now.liveBuffers {
      try require(
        current == liveBuffers + buffers, "\(what()): \(current - liveBuffers) buffers are alive")
    }
    if let pagesInBuffers, let current = now.pagesInBuffers {
      // A heap of size classes rounds up.
      let held = current - pagesInBuffers
      try require(
        held >= pages && held <= 2 * pages, "\(what()): \(held) pages in buffers, not \(pages)")
    }
  }

  private func difference(from start: Baseline) -> String {
    var parts: [String] = []
    func note(_ name: String, _ now: Int?, _ before: Int?) {
      if let now, let before, now != before { parts.append("\(now - before) \(name)") }
    }
    note("descriptors", descriptors, start.descriptors)
    note("buffers", liveBuffers, start.liveBuffers)
    note("pages in buffers", pagesInBuffers, start.pagesInBuffers)
    return parts.joined(separator: ", ")
  }
}
