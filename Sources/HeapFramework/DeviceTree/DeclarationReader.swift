// SPDX-License-Identifier: MIT

internal import PagePools

/// Reads the properties of heaps and regions, and refuses what cannot be.
struct DeclarationReader<Tree: DeviceTree> {
  let tree: Tree
  let pageSize: PageSize

  typealias Failure = HeapDeclarationError<Tree.Node>

  /// The region that a heap's node refers to.
  func region(of node: Tree.Node) throws(Failure) -> Tree.Node {
    let name: StaticString = "memory-region"
    let phandle = UInt32(try number(name, of: node, cells: 1))
    guard let region = tree.node(of: phandle) else {
      throw Failure(node, name, .unknownNode(phandle))
    }
    let isReserved = tree.parent(of: region).map { tree.isReservedMemory($0) } ?? false
    guard isReserved, tree.isCompatible(region, with: "shared-dma-pool") else {
      throw Failure(node, name, .noRegion)
    }
    return region
  }

  /// Where a region is, and how large.
  func place(of region: Tree.Node) throws(Failure) -> (address: UInt64?, byteCount: UInt64) {
    // What is lent to others meanwhile must be mapped; what is not lent is nobody's to take.
    guard tree.property("reusable", of: region) != nil else {
      throw Failure(region, "reusable", .missing)
    }
    guard tree.property("no-map", of: region) == nil else {
      throw Failure(region, "reusable", .contradictsNoMap)
    }
    guard let parent = tree.parent(of: region) else { throw Failure(region, "reg", .missing) }
    let addressCells = try cellCount("#address-cells", of: parent, unless: 2)
    let sizeCells = try cellCount("#size-cells", of: parent, unless: 1)
    if tree.property("alignment", of: region) != nil {
      _ = try order("alignment", of: region, cells: sizeCells)
    }
    if let reg = tree.property("reg", of: region) {
      let wanted = 4 * (addressCells + sizeCells)
      guard reg.byteCount == wanted else {
        throw Failure(region, "reg", .length(reg.byteCount, wanted: wanted))
      }
      let byteCount = reg.number(of: sizeCells, at: addressCells)
      let address = reg.number(of: addressCells)
      try check(byteCount, "reg", region)
      guard address % UInt64(pageSize.bytesPerPage) == 0 else {
        throw Failure(region, "reg", .noPages(address))
      }
      return (address, byteCount)
    }
    let byteCount = try number("size", of: region, cells: sizeCells)
    try check(byteCount, "size", region)
    return (nil, byteCount)
  }

  /// The size of a heap's chunks, in bytes.
  func alignment(of node: Tree.Node) throws(Failure) -> (order: Order, property: StaticString) {
    (try order("alignment", of: node, cells: 1), "alignment")
  }

  /// The size of the chunks of a heap that is a region itself.
  func chunkOrder(of node: Tree.Node) throws(Failure) -> (order: Order, property: StaticString) {
    let name: StaticString = "chunk-order"
    guard tree.property(name, of: node) != nil else { return (Order(4), name) }
    let number = try number(name, of: node, cells: 1)
    guard number <= UInt64(RegionRules.largestChunk(pageSize).rawValue) else {
      throw Failure(node, name, .tooLarge(number))
    }
    return (Order(Int(number)), name)
  }

  // MARK: Numbers

  private func number(
    _ name: StaticString, of node: Tree.Node, cells: Int
  ) throws(Failure) -> UInt64 {
    guard let property = tree.property(name, of: node) else { throw Failure(node, name, .missing) }
    guard property.byteCount == 4 * cells else {
      throw Failure(node, name, .length(property.byteCount, wanted: 4 * cells))
    }
    return property.number(of: cells)
  }

  private func cellCount(
    _ name: StaticString, of node: Tree.Node, unless usual: Int
  ) throws(Failure) -> Int {
    guard tree.property(name, of: node) != nil else { return usual }
    let count = try number(name, of: node, cells: 1)
    guard count == 1 || count == 2 else { throw Failure(node, name, .cellCount(UInt32(count))) }
    return Int(count)
  }

  private func order(
    _ name: StaticString, of node: Tree.Node, cells: Int
  ) throws(Failure) -> Order {
    let byteCount = try number(name, of: node, cells: cells)
    do throws(DeclarationProblem) {
      return try RegionRules.order(ofBytes: byteCount, pageSize)
    } catch {
      throw Failure(node, name, error)
    }
  }

  private func check(
    _ byteCount: UInt64, _ name: StaticString, _ node: Tree.Node
  ) throws(Failure) {
    do throws(DeclarationProblem) {
      _ = try RegionRules.pages(byteCount, pageSize)
    } catch {
      throw Failure(node, name, error)
    }
  }
}
