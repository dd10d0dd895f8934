// SPDX-License-Identifier: MIT

public import PagePools

/// A heap that a device tree declares, and the region that its memory is (C3).
///
/// Two forms are in use. A node of its own that refers to a region,
///
/// ```text
/// reserved-memory {
///   camera_region: camera@40000000 {
///     compatible = "shared-dma-pool"; reusable; reg = <0x0 0x40000000 0x0 0x10000000>;
///   };
/// };
/// camera-heap {
///   compatible = "swift-dma-heaps,chunk"; memory-region = <&camera_region>; alignment = <0x10000>;
/// };
/// ```
///
/// or a child of `/reserved-memory` that is both, with `chunk-order` for the size of its chunks, 4 unless it says
/// otherwise. There `alignment` is the region's, and as wide as `#size-cells`. The series' own name,
/// `dma_heap,chunk`, is known beside ours; a heap of runs is `swift-dma-heaps,region`, and has no chunks.
public struct HeapDeclaration<Node: BitwiseCopyable & Sendable>: BitwiseCopyable, Sendable {
  /// The node of the region; the heap's own in the second form.
  public let region: Node

  /// Where the region is, if that is fixed: the address of its first byte.
  public let address: UInt64?

  /// Bytes in the region.
  public let byteCount: UInt64

  /// Whether contiguous memory comes from the region unless another is asked for; see ``DefaultRegion``.
  public let isDefault: Bool

  /// How the heap's blocks are cut.
  public let cut: RegionCut
}

extension HeapDeclaration {
  /// Reads a node.
  ///
  /// - Parameter pageSize: the host's.
  /// - Returns: nil when the node declares no heap.
  /// - Throws: ``HeapDeclarationError``, which says what is wrong with which property of which node. Such a heap is
  ///   not to be registered.
  /// - Context: as the tree's own functions.
  public init?<Tree: DeviceTree>(
    _ node: Node, in tree: Tree, pageSize: PageSize
  ) throws(HeapDeclarationError<Node>) where Tree.Node == Node {
    let isChunked =
      tree.isCompatible(node, with: "swift-dma-heaps,chunk")
      || tree.isCompatible(node, with: "dma_heap,chunk")
    guard isChunked || tree.isCompatible(node, with: "swift-dma-heaps,region") else { return nil }
    let reader = DeclarationReader(tree: tree, pageSize: pageSize)
    let isRegion = tree.parent(of: node).map { tree.isReservedMemory($0) } ?? false
    let region = isRegion ? node : try reader.region(of: node)
    let place = try reader.place(of: region)
    self.region = region
    address = place.address
    byteCount = place.byteCount
    isDefault = tree.property("linux,cma-default", of: region) != nil
    guard isChunked else {
      cut = .runs
      return
    }
    let (order, property) =
      isRegion ? try reader.chunkOrder(of: node) : try reader.alignment(of: node)
    do throws(DeclarationProblem) {
      cut = try RegionRules.cut(order, from: byteCount, pageSize)
    } catch {
      throw HeapDeclarationError(node, property, error)
    }
  }
}

/// What is wrong with a declaration.
public struct HeapDeclarationError<Node: BitwiseCopyable & Sendable>: Error {
  /// The node whose property it is.
  public let node: Node

  /// The property's name.
  public let property: StaticString

  /// What is wrong with it.
  public let problem: DeclarationProblem

  init(_ node: Node, _ property: StaticString, _ problem: DeclarationProblem) {
    self.node = node
    self.property = property
    self.problem = problem
  }
}

/// What can be wrong with what declares a region or a heap: a property, or a number elsewhere.
@frozen
public enum DeclarationProblem: Error, Equatable, Sendable, BitwiseCopyable {
  /// It is not there.
  case missing
  /// It has so many bytes instead of so many.
  case length(Int, wanted: Int)
  /// No node has this phandle.
  case unknownNode(UInt32)
  /// The region is not `shared-dma-pool`, or lies outside of `/reserved-memory`.
  case noRegion
  /// It is there together with `no-map`: the kernel can lend what it does not map to nobody.
  case contradictsNoMap
  /// It is no power of two, or less than a page.
  case noPowerOfTwoPages(UInt64)
  /// It is 0, or no whole pages.
  case noPages(UInt64)
  /// It is no number of cells that an address or a size can have.
  case cellCount(UInt32)
  /// It is more than any order, or more pages than a region can have.
  case tooLarge(UInt64)
  /// Chunks are larger than the region, which has so many bytes.
  case exceedsRegion(UInt64)
}
