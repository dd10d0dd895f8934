// SPDX-License-Identifier: MIT

import DMAHeaps
import HeapFramework
import PagePools

/// The heaps that a device tree declares, named as the kernel names them, and the declarations that are wrong (C3).
struct DeclaredHeaps {
  /// A heap that can be made.
  struct Heap: Equatable {
    /// What its region's node is called, or ``HeapFramework/DefaultRegion``; of a region's second heap, what its own
    /// node is called.
    let name: String

    /// Other names that find it.
    let aliases: [String]

    /// The path of its node.
    let path: String

    /// The region's node.
    let region: FlattenedTree.Node

    /// What the region's node is called.
    let regionName: String

    /// Bytes in the region.
    let byteCount: Int

    /// Bytes in each chunk; nil for a heap of runs.
    let chunkByteCount: Int?
  }

  /// A declaration that is wrong; its heap is not to be made.
  struct Mistake: Equatable, CustomStringConvertible {
    /// What the heap's node is called.
    let name: String

    /// The path of its node.
    let path: String

    /// Which property is wrong, of which node if not of the heap's, and how.
    let reason: String

    var description: String { "\(path): \(reason)" }
  }

  /// The most mistakes that are told of; a tree with so many has no room for heaps, and much time would go into the rest.
  static let mostMistakes = 64

  private(set) var heaps: [Heap] = []
  private(set) var mistakes: [Mistake] = []

  private let tree: FlattenedTree
  private let pageSize: PageSize
  private let others: [String: String]
  private let room: Int

  /// Reads a tree.
  ///
  /// - Parameters:
  ///   - pageSize: of the machine that is to have the heaps.
  ///   - others: names that other heaps have, and whose they are.
  ///   - room: the most heaps that there may be.
  init(
    in tree: FlattenedTree, pageSize: PageSize, beside others: [String: String] = [:],
    room: Int = HeapSystem.RegionConfiguration.mostHeaps
  ) {
    self.tree = tree
    self.pageSize = pageSize
    self.others = others
    self.room = room
    for node in tree.nodes where mistakes.count < Self.mostMistakes {
      do throws(Refusal) {
        guard let heap = try read(node) else { continue }
        heaps.append(heap)
      } catch {
        mistakes.append(
          Mistake(
            name: ErrorLine.escaped(tree.name(of: node)), path: path(of: node),
            reason: error.reason))
      }
    }
  }

  private struct Refusal: Error {
    let reason: String
  }

  private func read(_ node: FlattenedTree.Node) throws(Refusal) -> Heap? {
    let found: HeapDeclaration<FlattenedTree.Node>?
    do throws(HeapDeclarationError<FlattenedTree.Node>) {
      found = try HeapDeclaration(node, in: tree, pageSize: pageSize)
    } catch {
      guard tree.isAvailable(node) else { return nil }
      let place = error.node == node ? "" : " of \(path(of: error.node))"
      let text = error.problem.text(of: error.property, pageSize)
      throw Refusal(reason: "'\(error.property)'\(place) \(text)")
    }
    guard let found, tree.isAvailable(node) else { return nil }
    guard tree.isAvailable(found.region) else {
      throw Refusal(reason: "'status' of \(path(of: found.region)) is not 'okay'")
    }
    guard heaps.count < room else {
      throw Refusal(reason: "there is room for \(room) heaps of regions, and no more")
    }
    let chunkByteCount: Int? =
      switch found.cut {
      case .runs: nil
      case .chunks(let order): pageSize.bytes(in: order.pages)
      }
    let names = names(of: node, found)
    for name in names { try check(name) }
    return Heap(
      name: names[0], aliases: Array(names.dropFirst()), path: path(of: node), region: found.region,
      regionName: tree.name(of: found.region), byteCount: Int(found.byteCount),
      chunkByteCount: chunkByteCount)
  }

  /// What a heap is called, and then what else.
  private func names(
    of node: FlattenedTree.Node, _ found: HeapDeclaration<FlattenedTree.Node>
  ) -> [String] {
    let regionName = tree.name(of: found.region)
    let isFirst = !heaps.contains { $0.region == found.region }
    let names = DeclaredName.all(isDefault: found.isDefault, isFirst: isFirst) {
      "\($0)" == regionName
    }
    return names.map { name in
      switch name {
      case .node: tree.name(of: node)
      case .region: regionName
      case .standard(let text): "\(text)"
      }
    }
  }

  /// Refuses what can be no heap's name, or is another's.
  private func check(_ name: String) throws(Refusal) {
    do throws(HeapNameError) {
      _ = try HeapName(utf8: name.utf8)
    } catch {
      let reason =
        error == .tooLong
        ? "has more than \(HeapName.maximumByteCount) bytes" : "is empty, or has a '/' or NUL"
      throw Refusal(reason: "its name '\(ErrorLine.escaped(name))' \(reason)")
    }
    guard name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw Refusal(
        reason: "its name '\(ErrorLine.escaped(name))' has characters that no node's name can have")
    }
    let owner = heaps.first { $0.name == name || $0.aliases.contains(name) }?.path ?? others[name]
    if let owner { throw Refusal(reason: "its name '\(name)' is that of \(owner), too") }
  }

  /// A path as it can be shown, whatever is in it.
  private func path(of node: FlattenedTree.Node) -> String {
    ErrorLine.escaped(tree.path(of: node))
  }
}

// MARK: - In a process

extension DeclaredHeaps {
  /// The regions, each with its heaps, in the order of the tree's heaps.
  var regions: [HeapSystem.RegionConfiguration] {
    var nodes: [FlattenedTree.Node] = []
    var regions: [HeapSystem.RegionConfiguration] = []
    for heap in heaps {
      let index = nodes.firstIndex(of: heap.region) ?? nodes.count
      if index == nodes.count {
        nodes.append(heap.region)
        regions.append(.init(name: heap.regionName, byteCount: heap.byteCount, heaps: []))
      }
      regions[index].heaps.append(
        .init(name: heap.name, aliases: heap.aliases, chunkByteCount: heap.chunkByteCount))
    }
    return regions
  }
}
