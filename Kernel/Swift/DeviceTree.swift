// SPDX-License-Identifier: MIT

// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions that C calls have the names of `glue.h`.

// Heaps that the machine's device tree declares (C3).

internal import Glue
internal import HeapFramework
internal import PagePools

/// The kernel's device tree.
struct KernelTree: DeviceTree {
  /// A node, which stays as long as somebody reads it.
  @safe
  struct Node: BitwiseCopyable, @unchecked Sendable {
    // Only ever read.
    let pointer: OpaquePointer

    init?(_ pointer: OpaquePointer?) {
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }
  }

  func isCompatible(_ node: Node, with entry: StaticString) -> Bool {
    unsafe glue_tree_is_compatible(node.pointer, CText(entry).pointer)
  }

  func property(_ name: StaticString, of node: Node) -> DeviceTreeProperty? {
    var bytes: UnsafeRawPointer?
    let count = unsafe glue_tree_property(node.pointer, CText(name).pointer, &bytes)
    guard count >= 0 else { return nil }
    return DeviceTreeProperty(byteCount: Int(count)) { offset in
      unsafe bytes?.load(fromByteOffset: offset, as: UInt8.self) ?? 0
    }
  }

  func parent(of node: Node) -> Node? { unsafe Node(glue_tree_parent(node.pointer)) }

  func isReservedMemory(_ node: Node) -> Bool {
    unsafe glue_tree_is_reserved_memory(node.pointer)
  }

  func node(of phandle: UInt32) -> Node? { unsafe Node(glue_tree_node(phandle)) }
}

/// Reads a node; see `glue.h`.
@c @implementation
func core_read_declaration(
  _ node: OpaquePointer!, _ read: UnsafeMutablePointer<core_declaration>!
) -> core_declaration_problem {
  guard let node = unsafe KernelTree.Node(node) else { return CORE_DECLARATION_OF_NOTHING }
  do throws(HeapDeclarationError<KernelTree.Node>) {
    let pageSize = KernelHost().pageSize
    guard let found = try HeapDeclaration(node, in: KernelTree(), pageSize: pageSize) else {
      return CORE_DECLARATION_OF_NOTHING
    }
    unsafe read.pointee.region = found.region.pointer
    unsafe read.pointee.is_default = found.isDefault
    unsafe read.pointee.chunk_bytes =
      switch found.cut {
      case .runs: 0
      case .chunks(let order): UInt64(pageSize.bytes(in: order.pages))
      }
    return CORE_DECLARATION_IS_FINE
  } catch {
    unsafe read.pointee.region = error.node.pointer
    unsafe read.pointee.property = CText(error.property).pointer
    let (problem, number) = error.problem.asC
    unsafe read.pointee.number = number
    return problem
  }
}

/// One of a heap's names; see `glue.h`.
@c @implementation
func core_declared_name(
  _ read: UnsafePointer<core_declaration>!, _ isFirst: Bool, _ node: UnsafePointer<CChar>!,
  _ region: UnsafePointer<CChar>!, _ index: UInt32
) -> UnsafePointer<CChar>! {
  let names = unsafe DeclaredName.all(isDefault: read.pointee.is_default, isFirst: isFirst) {
    unsafe CText($0) == CText(kept: region)
  }
  guard index < names.count else { return nil }
  return switch names[Int(index)] {
  case .node: unsafe node
  case .region: unsafe region
  case .standard(let text): unsafe CText(text).pointer
  }
}

extension DeclarationProblem {
  /// The problem, and the number that is wrong.
  fileprivate var asC: (core_declaration_problem, UInt64) {
    switch self {
    case .missing: (CORE_DECLARATION_LACKS, 0)
    case .length(let byteCount, _): (CORE_DECLARATION_HAS_LENGTH, UInt64(clamping: byteCount))
    case .unknownNode(let phandle): (CORE_DECLARATION_OF_UNKNOWN_NODE, UInt64(phandle))
    case .noRegion: (CORE_DECLARATION_OF_NO_REGION, 0)
    case .contradictsNoMap: (CORE_DECLARATION_CONTRADICTS_NO_MAP, 0)
    case .noPowerOfTwoPages(let byteCount): (CORE_DECLARATION_NO_POWER_OF_TWO, byteCount)
    case .noPages(let byteCount): (CORE_DECLARATION_NO_PAGES, byteCount)
    case .cellCount(let count): (CORE_DECLARATION_HAS_CELLS, UInt64(count))
    case .tooLarge(let number): (CORE_DECLARATION_TOO_LARGE, number)
    case .exceedsRegion(let byteCount): (CORE_DECLARATION_EXCEEDS_REGION, byteCount)
    }
  }
}
