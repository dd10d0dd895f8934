// SPDX-License-Identifier: MIT

import HeapFramework

/// A device tree of a test's.
struct TreeModel: DeviceTree {
  struct Entry {
    let name: String
    let parent: Int?
    var properties: [String: [UInt8]]
  }

  private(set) var entries = [Entry(name: "", parent: nil, properties: [:])]

  /// Adds a node.
  mutating func add(_ name: String, to parent: Int = 0, _ properties: [String: [UInt8]]) -> Int {
    entries.append(Entry(name: name, parent: parent, properties: properties))
    return entries.count - 1
  }

  /// Sets a property, or takes it away.
  mutating func set(_ property: String, of node: String, to bytes: [UInt8]?) {
    let index = entries.firstIndex { $0.name == node }
    precondition(index != nil, "there is such a node")
    if let index { entries[index].properties[property] = bytes }
  }

  func index(of node: String) -> Int? { entries.firstIndex { $0.name == node } }

  /// Cells as a tree has them.
  static func cells(_ numbers: UInt32...) -> [UInt8] {
    numbers.flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) } }
  }

  /// Strings as a tree has them.
  static func strings(_ strings: String...) -> [UInt8] { strings.flatMap { Array($0.utf8) + [0] } }

  // MARK: The core's questions

  func isCompatible(_ node: Int, with entry: StaticString) -> Bool {
    let list = entries[node].properties["compatible"] ?? []
    return list.split(separator: 0).contains { String(decoding: $0, as: UTF8.self) == "\(entry)" }
  }

  func property(_ name: StaticString, of node: Int) -> DeviceTreeProperty? {
    guard let bytes = entries[node].properties["\(name)"] else { return nil }
    return DeviceTreeProperty(byteCount: bytes.count) { bytes[$0] }
  }

  func parent(of node: Int) -> Int? { entries[node].parent }

  func isReservedMemory(_ node: Int) -> Bool {
    entries[node].name == "reserved-memory" && entries[node].parent == 0
  }

  func node(of phandle: UInt32) -> Int? {
    entries.firstIndex { $0.properties["phandle"] == Self.cells(phandle) }
  }
}
