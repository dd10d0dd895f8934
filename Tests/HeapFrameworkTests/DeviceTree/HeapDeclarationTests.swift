// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import Testing

/// Heaps that a device tree declares (C3).
struct HeapDeclarationTests {
  private static let pageSize = PageSize(shift: 12)

  /// Both forms of chunk heaps, and a heap of runs.
  private static func board() -> TreeModel {
    var tree = TreeModel()
    let reserved = tree.add(
      "reserved-memory",
      ["#address-cells": TreeModel.cells(2), "#size-cells": TreeModel.cells(2), "ranges": []])
    _ = tree.add(
      "camera@140000000", to: reserved,
      [
        "compatible": TreeModel.strings("shared-dma-pool"), "reusable": [],
        "reg": TreeModel.cells(1, 0x4000_0000, 0, 0x1000_0000), "phandle": TreeModel.cells(7),
      ])
    _ = tree.add(
      "video", to: reserved,
      [
        "compatible": TreeModel.strings("dma_heap,chunk", "shared-dma-pool"), "reusable": [],
        "size": TreeModel.cells(0, 0x400_0000), "alignment": TreeModel.cells(0, 0x40_0000),
        "chunk-order": TreeModel.cells(5),
      ])
    _ = tree.add(
      "camera-chunks",
      [
        "compatible": TreeModel.strings("swift-dma-heaps,chunk"),
        "memory-region": TreeModel.cells(7), "alignment": TreeModel.cells(0x10000),
      ])
    _ = tree.add(
      "camera-frames",
      [
        "compatible": TreeModel.strings("swift-dma-heaps,region"),
        "memory-region": TreeModel.cells(7),
      ])
    return tree
  }

  private static func read(
    _ node: String, in tree: TreeModel, pageSize: PageSize = pageSize
  ) throws(HeapDeclarationError<Int>) -> HeapDeclaration<Int>? {
    guard let index = tree.index(of: node) else { return nil }
    return try HeapDeclaration(index, in: tree, pageSize: pageSize)
  }

  @Test func bothForms_areRead() throws {
    let tree = Self.board()
    let chunks = try #require(try Self.read("camera-chunks", in: tree))
    #expect(chunks.region == tree.index(of: "camera@140000000"))
    #expect(chunks.address == 0x1_4000_0000 && chunks.byteCount == 0x1000_0000)
    #expect(chunks.cut == .chunks(Order(4)))
    let frames = try #require(try Self.read("camera-frames", in: tree))
    #expect(frames.region == chunks.region && frames.cut == .runs)
    let video = try #require(try Self.read("video", in: tree))
    #expect(video.region == tree.index(of: "video"))
    #expect(video.address == nil && video.byteCount == 0x400_0000)
    #expect(video.cut == .chunks(Order(5)))
  }

  @Test func defaultRegion_isKnown() throws {
    var tree = Self.board()
    #expect(try Self.read("camera-frames", in: tree)?.isDefault == false)
    tree.set("linux,cma-default", of: "camera@140000000", to: [])
    #expect(try Self.read("camera-frames", in: tree)?.isDefault == true)
    #expect(try Self.read("camera-chunks", in: tree)?.isDefault == true)
    #expect(try Self.read("video", in: tree)?.isDefault == false)
  }

  @Test func names_followTheRegion_andClients() {
    func names(
      isDefault: Bool = false, isFirst: Bool = true, region: String = "pool@50000000"
    ) -> [String] {
      DeclaredName.all(isDefault: isDefault, isFirst: isFirst) { "\($0)" == region }.map { name in
        switch name {
        case .node: "own"
        case .region: region
        case .standard(let text): "\(text)"
        }
      }
    }
    let standard = ["default_cma_region", "linux,cma", "reserved", "cma"]
    #expect(names() == ["pool@50000000"])
    #expect(names(isFirst: false) == ["own"])
    #expect(names(isDefault: true) == standard + ["pool@50000000"])
    #expect(names(isDefault: true, isFirst: false) == ["own"])
    // As the region's node is often called.
    for region in standard { #expect(names(isDefault: true, region: region) == standard) }
    #expect(names(region: "cma") == ["cma"])
  }

  @Test func othersNodes_declareNothing() throws {
    let tree = Self.board()
    #expect(try Self.read("camera@140000000", in: tree) == nil)
    #expect(try Self.read("reserved-memory", in: tree) == nil)
  }

  @Test func whatNeedNotBeSaid_isAsUsual() throws {
    var tree = Self.board()
    tree.set("chunk-order", of: "video", to: nil)
    tree.set("alignment", of: "video", to: nil)
    #expect(try Self.read("video", in: tree)?.cut == .chunks(Order(4)))
    // Two cells for an address, one for a size.
    tree.set("#address-cells", of: "reserved-memory", to: nil)
    tree.set("#size-cells", of: "reserved-memory", to: nil)
    tree.set("reg", of: "camera@140000000", to: TreeModel.cells(0, 0x4000_0000, 0x10_0000))
    let chunks = try #require(try Self.read("camera-chunks", in: tree))
    #expect(chunks.address == 0x4000_0000 && chunks.byteCount == 0x10_0000)
  }

  @Test func otherPageSizes_haveOtherOrders() throws {
    let tree = Self.board()
    let chunks = try Self.read("camera-chunks", in: tree, pageSize: PageSize(shift: 14))
    #expect(chunks?.cut == .chunks(Order(2)))
    let large = try Self.read("camera-chunks", in: tree, pageSize: PageSize(shift: 16))
    #expect(large?.cut == .chunks(Order(0)))
  }

  /// One thing at a time is wrong: the node, the property, and what it is are named.
  private static let mistakes:
    [(heap: String, node: String, property: String, [UInt8]?, String, DeclarationProblem)] = [
      ("camera-chunks", "camera-chunks", "memory-region", nil, "memory-region", .missing),
      (
        "camera-chunks", "camera-chunks", "memory-region", TreeModel.cells(7, 8), "memory-region",
        .length(8, wanted: 4)
      ),
      (
        "camera-chunks", "camera-chunks", "memory-region", [], "memory-region",
        .length(0, wanted: 4)
      ),
      (
        "camera-chunks", "camera-chunks", "memory-region", TreeModel.cells(8), "memory-region",
        .unknownNode(8)
      ),
      (
        "camera-frames", "camera@140000000", "compatible", TreeModel.strings("shared-dma"),
        "memory-region", .noRegion
      ),
      ("camera-chunks", "camera-chunks", "alignment", nil, "alignment", .missing),
      (
        "camera-chunks", "camera-chunks", "alignment", TreeModel.cells(0, 0x10000), "alignment",
        .length(8, wanted: 4)
      ),
      (
        "camera-chunks", "camera-chunks", "alignment", TreeModel.cells(0x18000), "alignment",
        .noPowerOfTwoPages(0x18000)
      ),
      (
        "camera-chunks", "camera-chunks", "alignment", TreeModel.cells(0x800), "alignment",
        .noPowerOfTwoPages(0x800)
      ),
      (
        "camera-chunks", "camera-chunks", "alignment", TreeModel.cells(0), "alignment",
        .noPowerOfTwoPages(0)
      ),
      (
        "camera-chunks", "camera-chunks", "alignment", TreeModel.cells(0x2000_0000), "alignment",
        .exceedsRegion(0x1000_0000)
      ),
      ("camera-chunks", "camera@140000000", "reusable", nil, "reusable", .missing),
      ("camera-chunks", "camera@140000000", "no-map", [], "reusable", .contradictsNoMap),
      (
        "camera-chunks", "camera@140000000", "reg", TreeModel.cells(1, 2, 3), "reg",
        .length(12, wanted: 16)
      ),
      ("camera-chunks", "camera@140000000", "reg", TreeModel.cells(1, 0, 0, 0), "reg", .noPages(0)),
      (
        "camera-chunks", "camera@140000000", "reg", TreeModel.cells(1, 0, 0, 0x10001), "reg",
        .noPages(0x10001)
      ),
      (
        "camera-chunks", "camera@140000000", "reg", TreeModel.cells(1, 1, 0, 0x10000), "reg",
        .noPages(0x1_0000_0001)
      ),
      ("camera-chunks", "camera@140000000", "reg", nil, "size", .missing),
      (
        "camera-chunks", "camera@140000000", "reg", TreeModel.cells(1, 0, 0x8000_0000, 0), "reg",
        .tooLarge(0x8000_0000_0000_0000)
      ),
      ("video", "video", "size", TreeModel.cells(0x400_0000), "size", .length(4, wanted: 8)),
      ("video", "video", "size", nil, "size", .missing),
      (
        "video", "video", "alignment", TreeModel.cells(0x40_0000), "alignment",
        .length(4, wanted: 8)
      ),
      (
        "video", "video", "alignment", TreeModel.cells(0, 0x30_0000), "alignment",
        .noPowerOfTwoPages(0x30_0000)
      ),
      (
        "video", "video", "chunk-order", TreeModel.cells(0, 5), "chunk-order", .length(8, wanted: 4)
      ),
      ("video", "video", "chunk-order", TreeModel.cells(40), "chunk-order", .tooLarge(40)),
      (
        "video", "video", "chunk-order", TreeModel.cells(0xFFFF_FFFF), "chunk-order",
        .tooLarge(0xFFFF_FFFF)
      ),
      (
        "video", "video", "chunk-order", TreeModel.cells(15), "chunk-order",
        .exceedsRegion(0x400_0000)
      ),
      ("video", "reserved-memory", "#size-cells", TreeModel.cells(3), "#size-cells", .cellCount(3)),
      (
        "video", "reserved-memory", "#address-cells", [1, 2], "#address-cells",
        .length(2, wanted: 4)
      ),
    ]

  @Test(arguments: mistakes.indices)
  func mistakes_areNamed(index: Int) throws {
    let (heap, node, property, bytes, named, problem) = Self.mistakes[index]
    var tree = Self.board()
    tree.set(property, of: node, to: bytes)
    do throws(HeapDeclarationError<Int>) {
      _ = try Self.read(heap, in: tree)
      Issue.record("\(property) of \(node) can be \(bytes ?? [])")
    } catch {
      #expect("\(error.property)" == named)
      #expect(error.problem == problem)
      // What the heap says of the region is the heap's mistake, what the region is like is the region's.
      let isHeaps = problem == .noRegion || node == heap
      #expect(tree.entries[error.node].name == (isHeaps ? heap : node))
    }
    // Nobody else's heap is touched by it.
    let others = ["camera-chunks", "camera-frames", "video"].filter { other in
      other != heap && !(node.hasPrefix("camera@") && other.hasPrefix("camera"))
        && node != "reserved-memory"
    }
    for other in others { #expect(try Self.read(other, in: tree) != nil) }
  }

  /// A region that lies elsewhere is none, whatever it says.
  @Test func regionOutsideReservedMemory_isNone() throws {
    var tree = Self.board()
    _ = tree.add(
      "elsewhere",
      [
        "compatible": TreeModel.strings("shared-dma-pool"), "reusable": [],
        "reg": TreeModel.cells(0, 0x4000_0000, 0x10_0000), "phandle": TreeModel.cells(9),
      ])
    tree.set("memory-region", of: "camera-chunks", to: TreeModel.cells(9))
    do throws(HeapDeclarationError<Int>) {
      _ = try Self.read("camera-chunks", in: tree)
      Issue.record("a region of no reserved memory")
    } catch {
      #expect(error.problem == .noRegion)
    }
  }
}
