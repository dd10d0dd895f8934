// SPDX-License-Identifier: MIT

/// A device tree as a host reads it: nodes, and the cells of their properties.
public protocol DeviceTree {
  /// A handle to one node.
  associatedtype Node: BitwiseCopyable & Sendable

  /// Whether a node's `compatible` has an entry.
  func isCompatible(_ node: Node, with entry: StaticString) -> Bool

  /// A node's property; nil when it has none of that name.
  func property(_ name: StaticString, of node: Node) -> DeviceTreeProperty?

  /// The node that a node is a child of; nil for the root.
  func parent(of node: Node) -> Node?

  /// Whether this is the root's child `reserved-memory`.
  func isReservedMemory(_ node: Node) -> Bool

  /// The node that a phandle stands for; nil when there is none.
  func node(of phandle: UInt32) -> Node?
}

/// What a property holds: its length, and its first four cells of 32 bits, which are an address and a size.
@frozen
public struct DeviceTreeProperty: BitwiseCopyable, Sendable {
  /// Bytes in all, which need not be whole cells.
  public let byteCount: Int

  private var cells: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)

  /// A property of bytes as they stand in the tree, the most significant of a cell first.
  ///
  /// - Parameters:
  ///   - byteCount: how many there are.
  ///   - byte: the one at an offset below `byteCount`; asked for the first 16 at most.
  public init(byteCount: Int, byte: (_ offset: Int) -> UInt8) {
    self.byteCount = byteCount
    func cell(_ index: Int) -> UInt32 {
      var cell: UInt32 = 0
      for offset in 4 * index..<4 * index + 4 {
        cell = cell << 8 | UInt32(offset < byteCount ? byte(offset) : 0)
      }
      return cell
    }
    cells = (cell(0), cell(1), cell(2), cell(3))
  }

  /// The number in so many cells.
  ///
  /// - Parameters:
  ///   - count: 1 or 2.
  ///   - first: the index of the first of them; all must be among the four.
  func number(of count: Int, at first: Int = 0) -> UInt64 {
    var number: UInt64 = 0
    for index in first..<first + count { number = number << 32 | UInt64(self[index]) }
    return number
  }

  private subscript(index: Int) -> UInt32 {
    switch index {
    case 0: cells.0
    case 1: cells.1
    case 2: cells.2
    default: cells.3
    }
  }
}
