// SPDX-License-Identifier: MIT

import CFDT
import HeapFramework

/// A flattened device tree (a blob, as `dtc` makes them), which libfdt reads.
///
/// Nothing is believed of a blob: it is checked as a whole before anything is looked for, and every pointer into it
/// comes from libfdt, with the length that belongs to it.
struct FlattenedTree: DeviceTree {
  /// The most bytes that a tree may have: twice what a kernel for arm64 takes.
  ///
  /// It also bounds the time that a blob can cost whose properties all have one long name.
  static let mostBytes = 4 << 20

  /// The oldest version of the format that is read, of 2005.
  static let oldestVersion: UInt32 = 16

  /// A node of this tree: its number, in the order of the tree.
  struct Node: BitwiseCopyable, Sendable, Hashable {
    fileprivate let index: Int32
  }

  private struct Place {
    let offset: Int32
    let parent: Node?
  }

  private let memory: TreeMemory

  // Made in one go: libfdt finds a parent, or a phandle, by walking the tree from its start.
  private var places: [Place] = []
  private var phandles: [UInt32: Node] = [:]

  private let reservedMemory: Int32

  /// Checks a blob, and finds its nodes.
  ///
  /// - Parameter memory: of a file; what follows the blob in it does not matter.
  /// - Throws: ``FlattenedTreeError``.
  /// - Complexity: O(bytes), for names as short as boards have them.
  init(_ memory: TreeMemory) throws(FlattenedTreeError) {
    guard memory.byteCount <= Self.mostBytes else { throw .tooLarge }
    self.memory = memory
    try Self.check(memory)
    reservedMemory = unsafe fdt_path_offset(memory.start, "/reserved-memory")
    try findNodes()
    guard !places.isEmpty else { throw .damaged(-FDT_ERR_BADSTRUCTURE) }
  }

  private static func check(_ memory: TreeMemory) throws(FlattenedTreeError) {
    let start = unsafe memory.start
    guard memory.byteCount >= MemoryLayout<fdt_header>.size else {
      throw .damaged(-FDT_ERR_TRUNCATED)
    }
    try expectSuccess(unsafe fdt_check_header(start))
    // SAFETY: there is a whole header.
    let header = unsafe start.load(as: fdt_header.self)
    guard memory.byteCount >= Int(UInt32(bigEndian: header.totalsize)) else {
      throw .damaged(-FDT_ERR_TRUNCATED)
    }
    // In older ones libfdt takes for granted that a node's name has a slash.
    let version = UInt32(bigEndian: header.version)
    guard version >= oldestVersion else { throw .tooOld(version) }
    try unsafe checkLengths(start)
    try expectSuccess(unsafe fdt_check_full(start, memory.byteCount))
  }

  /// Refuses lengths of properties that are negative numbers: the check of a libfdt before 1.7, as Debian 12 has it,
  /// believes them, and goes round in circles at one of them.
  private static func checkLengths(
    _ start: UnsafeMutableRawPointer
  ) throws(FlattenedTreeError) {
    var offset: Int32 = 0
    while true {
      var next: Int32 = 0
      let tag = unsafe fdt_next_tag(start, offset, &next)
      try expectSuccess(next)
      if tag == FDT_END { return }
      var length: Int32 = 0
      if tag == FDT_PROP,
        unsafe fdt_getprop_by_offset(start, offset, nil, &length) == nil || length < 0
      {
        throw .damaged(-FDT_ERR_BADSTRUCTURE)
      }
      guard next > offset else { throw .damaged(-FDT_ERR_BADSTRUCTURE) }
      offset = next
    }
  }

  private static func expectSuccess(_ result: Int32) throws(FlattenedTreeError) {
    guard result >= 0 else { throw .damaged(result) }
  }

  private mutating func findNodes() throws(FlattenedTreeError) {
    var ancestors: [Node] = []
    var depth: Int32 = -1
    var offset = unsafe fdt_next_node(memory.start, -1, &depth)
    // Behind the root's end, the depth is less than the root's.
    while offset >= 0, depth >= 0 {
      ancestors.removeLast(ancestors.count - Int(depth))
      let node = Node(index: Int32(places.count))
      places.append(Place(offset: offset, parent: ancestors.last))
      ancestors.append(node)
      let phandle = unsafe fdt_get_phandle(memory.start, offset)
      if phandle != 0, phandle != .max, phandles[phandle] == nil { phandles[phandle] = node }
      offset = unsafe fdt_next_node(memory.start, offset, &depth)
    }
    guard offset >= 0 || offset == -FDT_ERR_NOTFOUND else { throw .damaged(offset) }
  }

  private func offset(of node: Node) -> Int32 { places[Int(node.index)].offset }
}

// MARK: - What the core asks

extension FlattenedTree {
  func isCompatible(_ node: Node, with entry: StaticString) -> Bool {
    unsafe fdt_node_check_compatible(memory.start, offset(of: node), entry.characters) == 0
  }

  func property(_ name: StaticString, of node: Node) -> DeviceTreeProperty? {
    guard let bytes = unsafe bytes(name.characters, of: node) else { return nil }
    return DeviceTreeProperty(byteCount: bytes.count) { unsafe bytes[$0] }
  }

  func parent(of node: Node) -> Node? { places[Int(node.index)].parent }

  func isReservedMemory(_ node: Node) -> Bool { offset(of: node) == reservedMemory }

  func node(of phandle: UInt32) -> Node? { phandles[phandle] }
}

// MARK: - What hosts ask

extension FlattenedTree {
  /// All nodes, in the order of the tree: the root first, children behind their parents.
  var nodes: some Sequence<Node> { (0..<Int32(places.count)).lazy.map(Node.init) }

  /// A copy of a property's bytes; nil when the node has none of that name.
  func bytes(of name: String, of node: Node) -> [UInt8]? {
    guard let bytes = unsafe bytes(name, of: node) else { return nil }
    return unsafe Array(bytes)
  }

  /// A node's name, unit address included; the root's is empty.
  func name(of node: Node) -> String {
    var length: Int32 = 0
    guard let name = unsafe fdt_get_name(memory.start, offset(of: node), &length) else { return "" }
    // SAFETY: libfdt has found the name's end within the blob, so far from its start.
    let bytes = unsafe UnsafeRawBufferPointer(start: name, count: Int(length))
    return unsafe String(decoding: bytes, as: UTF8.self)
  }

  /// A node's path from the root; of a path of more than 4095 bytes its end.
  func path(of node: Node) -> String {
    var characters = [CChar](repeating: 0, count: 4096)
    let result = unsafe fdt_get_path(
      memory.start, offset(of: node), &characters, Int32(characters.count))
    guard result == 0 else { return "…/\(name(of: node))" }
    let bytes = characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Whether a node is in use: it has no `status`, or one that says so.
  func isAvailable(_ node: Node) -> Bool {
    guard let status = bytes(of: "status", of: node) else { return true }
    return ["okay", "ok"].contains(String(decoding: status.prefix { $0 != 0 }, as: UTF8.self))
  }

  /// A property's bytes in the blob.
  private func bytes(_ name: UnsafePointer<CChar>, of node: Node) -> UnsafeRawBufferPointer? {
    var length: Int32 = 0
    guard let bytes = unsafe fdt_getprop(memory.start, offset(of: node), name, &length) else {
      return nil
    }
    // SAFETY: libfdt has checked that so many bytes are within the blob.
    return unsafe UnsafeRawBufferPointer(start: bytes, count: Int(length))
  }
}

/// Why a blob is no device tree.
enum FlattenedTreeError: Error, Equatable, CustomStringConvertible {
  /// It has more than ``FlattenedTree/mostBytes``.
  case tooLarge
  /// Its format has this version, which is below ``FlattenedTree/oldestVersion``.
  case tooOld(UInt32)
  /// libfdt refuses it, with this number.
  case damaged(Int32)

  var description: String {
    switch self {
    case .tooLarge: "a device tree has at most \(FlattenedTree.mostBytes) bytes, this has more"
    case .tooOld(let version):
      "the device tree's format has version \(version); the oldest that is read is "
        + "\(FlattenedTree.oldestVersion)"
    case .damaged(-FDT_ERR_BADMAGIC): "it is no device tree blob: it does not begin with 0xd00dfeed"
    case .damaged(-FDT_ERR_TRUNCATED): "the device tree is cut off"
    case .damaged(let number):
      // SAFETY: a constant of the library's.
      "the device tree is damaged: \(unsafe String(cString: fdt_strerror(number)))"
    }
  }
}

extension StaticString {
  /// For C; terminated as every literal is.
  fileprivate var characters: UnsafePointer<CChar> {
    unsafe UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self)
  }
}
