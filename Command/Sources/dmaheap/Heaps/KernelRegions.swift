// SPDX-License-Identifier: MIT

import PagePools

/// What the kernel module tells of its heaps' regions, in a file of debugfs that root may read.
struct KernelRegions {
  /// The regions of heaps, by their names; none where the file cannot be read.
  let byHeap: [String: RegionReport]

  /// Reads the module's report.
  ///
  /// - Parameters:
  ///   - path: of the file: a line of headings, then one for each heap: its name, and in pages the region's first
  ///     frame, its length, free pages, the longest run of those, and the pages of a chunk, 0 for runs. Other
  ///     columns do not matter.
  ///   - pageSize: of the machine.
  init(
    path: String = "/sys/kernel/debug/swift_dma_heaps/regions", pageSize: PageSize = .ofMachine
  ) {
    var byHeap: [String: RegionReport] = [:]
    // Heaps with the same first frame share a region, which is called what the first of them is called.
    var names: [Int: String] = [:]
    let bytes = (try? FileBytes.read(path, atMost: 1 << 20)) ?? []
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
      .map { $0.split(separator: " ") }
    let columns = ["first_frame", "pages", "free", "largest_run", "chunk"].compactMap {
      lines.first?.firstIndex(of: Substring($0))
    }
    for words in lines.dropFirst() where columns.count == 5 && words.count == lines[0].count {
      let numbers = columns.compactMap { Int(words[$0]) }
        .filter { 0...(Int.max >> 20) ~= $0 }
      guard numbers.count == columns.count else { continue }
      let heap = String(words[0])
      let name = names[numbers[0]] ?? heap
      names[numbers[0]] = name
      let byteCounts = numbers.dropFirst().map { pageSize.bytes(in: PageCount($0)) }
      byHeap[heap] = RegionReport(
        name: name, byteCount: byteCounts[0], freeByteCount: byteCounts[1],
        largestRunByteCount: byteCounts[2],
        chunkByteCount: byteCounts[3] == 0 ? nil : byteCounts[3])
    }
    self.byHeap = byHeap
  }

  /// Puts them to the kernel's heaps.
  func show(in heaps: inout [HeapReport]) {
    for index in heaps.indices where heaps[index].source == "kernel" {
      heaps[index].region = byHeap[heaps[index].name]
    }
  }
}
