// SPDX-License-Identifier: MIT

import ArgumentParser
import HeapBench

/// Lists heaps.
struct HeapsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "heaps",
    abstract: "List the heaps there are, and why expected ones are absent.",
    discussion: """
      Heaps of source memfd and region are this process's, those of source kernel are nodes of \
      /dev/dma_heap, to be used with --source kernel. Where the machine's device tree declares heaps for \
      which there is no node, they are listed as absent. What is free in regions of the kernel module \
      is told to root, by debugfs.

      EXAMPLES
        dmaheap heaps
        dmaheap heaps --config board.toml               with the heaps of regions
        dmaheap heaps --dtb board.dtb                   those of a board
        dmaheap heaps --json | grep '"absence_reason":null'
      """)

  @OptionGroup var regions: RegionOptions

  @Flag(help: "Print one JSON object per heap and line.")
  var json = false

  func run() throws {
    let asked = try regions.read()
    var heaps = try HeapReport.all(asked) + asked.mistakes.map(HeapReport.init)
    KernelRegions().show(in: &heaps)
    if !regions.takesMachinesTree { addMissing(to: &heaps) }
    if json {
      for heap in heaps { try Output.json(heap) }
    } else {
      try Output.line(HeapReport.table(heaps))
    }
  }

  /// Heaps that the machine's tree declares and the kernel has not, where there is a tree.
  private func addMissing(to heaps: inout [HeapReport]) {
    let tree = TreeSource(path: TreeFolder.ofMachine)
    guard tree.exists else { return }
    do throws(TreeSourceError) {
      let missing = HeapReport.missing(from: heaps, declaredBy: try tree.read())
      // What the tree says of a heap is more than that one could expect it.
      let names = Set(missing.map(\.name))
      heaps.removeAll { $0.absenceReason != nil && names.contains($0.name) }
      heaps += missing
    } catch {
      // The other heaps are worth seeing all the same.
      StandardError.write(ErrorLine.warning(error.description))
    }
  }
}
