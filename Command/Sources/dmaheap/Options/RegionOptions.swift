// SPDX-License-Identifier: MIT

import ArgumentParser
import DMAHeaps
import Foundation
import PagePools

/// Heaps beyond those that every process has.
struct RegionOptions: ParsableArguments {
  @Option(
    name: .customLong("config"),
    help: ArgumentHelp(
      "TOML file that sets regions aside, with heaps of their own.",
      discussion: """
        [[region]] has a name and a size; [[heap]] a name, a memory-region, aliases if any, and an \
        alignment if its buffers are made of chunks of that size.
        """, valueName: "file"),
    completion: .file(extensions: ["toml"]))
  var heapsFile: String?

  @Option(
    name: .customLong("dtb"),
    help: ArgumentHelp(
      "Device tree whose regions and heaps this process is to have.",
      discussion: """
        A blob as dtc makes it, or a folder as /proc/device-tree is. All regions are set aside in this \
        process, wherever the tree has them. Heaps are called what the kernel module calls them: as their \
        region's node, the second one of a region as its own. One whose declaration is wrong is told of and \
        left out.
        """, valueName: "file"),
    completion: .file(extensions: ["dtb"]))
  var treeFile: String?

  @Flag(
    name: .customLong("device-tree"),
    help: """
      The same with the running machine's tree, /proc/device-tree. Never done unasked: each process would \
      take as much memory as all of its regions.
      """)
  var takesMachinesTree = false

  func validate() throws {
    guard treeFile == nil || !takesMachinesTree else {
      throw ValidationError("--dtb and --device-tree cannot be combined; one tree at a time")
    }
  }

  /// Whether anything was asked for.
  var areGiven: Bool { heapsFile != nil || tree != nil }

  /// Where the tree is that was asked for.
  private var tree: TreeSource? {
    if takesMachinesTree { return TreeSource(path: TreeFolder.ofMachine) }
    return treeFile.map { TreeSource(path: $0) }
  }

  /// The defaults, with the regions of file and tree; what is wrong in the tree is told of.
  func makeConfiguration() throws -> HeapSystem.Configuration {
    var configuration = HeapSystem.Configuration()
    let asked = try read()
    configuration.regions = asked.regions
    for mistake in asked.mistakes { StandardError.write(ErrorLine.warning(mistake.description)) }
    return configuration
  }

  /// The regions that were asked for.
  ///
  /// - Throws: what is wrong with the file, or why there is no tree.
  func read() throws -> AskedRegions {
    var asked = AskedRegions()
    if let heapsFile { asked.ofFile = try HeapsFile(path: heapsFile).regions }
    guard let tree else { return asked }
    if takesMachinesTree, !tree.exists {
      throw TreeSourceError(
        description: "this machine has no device tree: there is no \(tree.path)")
    }
    let others = asked.ofFile.flatMap(\.heaps)
    var names = ["system": "this process's own heap"]
    for heap in others {
      for name in [heap.name] + heap.aliases { names[name] = "a heap of \(heapsFile ?? "")" }
    }
    let declared = DeclaredHeaps(
      in: try tree.read(), pageSize: .ofMachine, beside: names,
      room: HeapSystem.RegionConfiguration.mostHeaps - others.count)
    asked.ofTree = declared.regions
    asked.tree = tree.path
    asked.mistakes = declared.mistakes.map { AskedRegions.Mistake(tree: tree.path, mistake: $0) }
    return asked
  }
}

/// Regions that were asked for, and what of them cannot be.
struct AskedRegions {
  /// A declaration of a tree that is wrong.
  struct Mistake: CustomStringConvertible {
    let tree: String
    let mistake: DeclaredHeaps.Mistake

    var description: String { "\(tree): \(mistake)" }
  }

  var ofFile: [HeapSystem.RegionConfiguration] = []
  var ofTree: [HeapSystem.RegionConfiguration] = []
  var mistakes: [Mistake] = []

  /// Where the tree is; empty without one.
  var tree = ""

  var regions: [HeapSystem.RegionConfiguration] { ofFile + ofTree }
}

extension PageSize {
  /// The running machine's.
  static let ofMachine = PageSize(shift: sysconf(Int32(_SC_PAGESIZE)).trailingZeroBitCount)
}
