// SPDX-License-Identifier: MIT

import Foundation
import HeapBench

/// Files read as a whole, up to a limit.
enum FileBytes {
  /// The bytes of a file, a pipe or whatever else has an end.
  ///
  /// Not by `Data`, which leaks a page for each empty file.
  ///
  /// - Parameter limit: the most there may be.
  /// - Throws: ``FileReadError``.
  static func read(_ path: String, atMost limit: Int) throws(FileReadError) -> [UInt8] {
    // SAFETY: the path is a terminated string as long as the call.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .systemCall(errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
      // SAFETY: the pointer is used by the call only, for as many bytes as there are.
      let count = unsafe Glibc.read(descriptor, &piece, piece.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw .systemCall(errno)
      }
      guard count > 0 else { return bytes }
      bytes += piece[..<count]
      guard bytes.count <= limit else { throw .tooLarge(limit) }
    }
  }
}

/// Why a file cannot be read.
enum FileReadError: Error, Equatable, CustomStringConvertible {
  case systemCall(Int32)
  /// It has more bytes than so many.
  case tooLarge(Int)

  var description: String {
    switch self {
    case .systemCall(let errorNumber): SystemErrorText.of(errorNumber)
    case .tooLarge(let limit): "it has more than \(limit) bytes, which are the most that are read"
    }
  }
}
