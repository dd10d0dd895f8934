// SPDX-License-Identifier: MIT

import CFDT
import Foundation
import HeapBench

/// A device tree as the kernel shows it, `/proc/device-tree`: nodes are folders, properties files.
///
/// It is made into a blob, so that there is one reader.
struct TreeFolder {
  /// Where the running machine's is.
  static let ofMachine = "/proc/device-tree"

  /// How deep the kernel lets nodes be in each other.
  private static let mostLevels = 64

  private let blob = TreeMemory(byteCount: FlattenedTree.mostBytes)

  /// Reads the folder at a path.
  ///
  /// - Returns: the blob.
  /// - Throws: ``TreeFolderError``, which names the file or folder and the limit.
  static func read(_ path: String) throws(TreeFolderError) -> TreeMemory {
    // Every tree's root has one, and of a folder that is something else no end might be found.
    guard unsafe access("\(path)/compatible", R_OK) == 0 else {
      throw TreeFolderError(path, "it is no device tree's root: it has no file 'compatible'")
    }
    let writer = TreeFolder()
    defer { withExtendedLifetime(writer) {} }
    let start = unsafe writer.blob.start
    try check(path, unsafe fdt_create(start, Int32(writer.blob.byteCount)))
    try check(path, unsafe fdt_finish_reservemap(start))
    try writer.write(path, name: "", level: 0)
    try check(path, unsafe fdt_finish(start))
    // SAFETY: a finished blob begins with its header, and is as long as that says.
    let byteCount = UInt32(bigEndian: unsafe start.load(as: fdt_header.self).totalsize)
    return unsafe TreeMemory(UnsafeRawBufferPointer(start: start, count: Int(byteCount)))
  }

  /// Appends a node, its properties first.
  private func write(_ path: String, name: String, level: Int) throws(TreeFolderError) {
    guard level < Self.mostLevels else {
      throw TreeFolderError(path, "nodes are more than \(Self.mostLevels) deep in each other")
    }
    let entries = try FolderEntry.all(in: path)
    try Self.check(path, unsafe fdt_begin_node(blob.start, name))
    for entry in entries where entry.kind == .file {
      try writeProperty(entry.name, "\(path)/\(entry.name)")
    }
    for entry in entries where entry.kind == .folder {
      try write("\(path)/\(entry.name)", name: entry.name, level: level + 1)
    }
    try Self.check(path, unsafe fdt_end_node(blob.start))
  }

  private func writeProperty(_ name: String, _ path: String) throws(TreeFolderError) {
    let bytes: [UInt8]
    do throws(FileReadError) {
      bytes = try FileBytes.read(path, atMost: FlattenedTree.mostBytes)
    } catch {
      // The kernel shows secrets to root alone; heaps have none.
      if error == .systemCall(EACCES), name.hasPrefix("security-") { return }
      throw TreeFolderError(path, "\(error)")
    }
    try Self.check(path, unsafe fdt_property(blob.start, name, bytes, Int32(bytes.count)))
  }

  private static func check(_ path: String, _ result: Int32) throws(TreeFolderError) {
    switch result {
    case 0: return
    case -FDT_ERR_NOSPACE: throw TreeFolderError(path, "\(FlattenedTreeError.tooLarge)")
    default: throw TreeFolderError(path, "\(FlattenedTreeError.damaged(result))")
    }
  }
}

/// Why a folder cannot be read as a tree.
struct TreeFolderError: Error, CustomStringConvertible {
  let description: String

  fileprivate init(_ path: String, _ reason: String) {
    description = "\(path): \(reason)"
  }
}

/// What is in a folder.
private struct FolderEntry {
  enum Kind { case file, folder }

  let name: String
  let kind: Kind
  let number: ino_t

  /// A folder's files and folders, without what links lead to, in the order of the tree.
  static func all(in path: String) throws(TreeFolderError) -> [FolderEntry] {
    guard let stream = unsafe opendir(path) else {
      throw TreeFolderError(path, SystemErrorText.of(errno))
    }
    defer { unsafe closedir(stream) }
    var entries: [FolderEntry] = []
    while let entry = unsafe readdir(stream) {
      guard let field = unsafe entry.pointer(to: \.d_name) else { continue }
      // SAFETY: readdir terminates the name, and it lasts until the next call.
      let name = unsafe String(
        cString: UnsafeRawPointer(field).assumingMemoryBound(to: CChar.self))
      var status = stat()
      guard name != ".", name != "..", unsafe lstat("\(path)/\(name)", &status) == 0 else {
        continue
      }
      switch status.st_mode & S_IFMT {
      case S_IFREG: entries.append(FolderEntry(name: name, kind: .file, number: status.st_ino))
      case S_IFDIR: entries.append(FolderEntry(name: name, kind: .folder, number: status.st_ino))
      default: continue
      }
    }
    // The kernel lists by a hash, and has numbered nodes as it made them: from the tree's start to its end.
    return entries.sorted { ($0.number, $0.name) < ($1.number, $1.name) }
  }
}
