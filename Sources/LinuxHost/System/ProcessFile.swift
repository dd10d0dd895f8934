// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc

/// Small files of `/proc`.
package enum ProcessFile {
  /// The number behind `label` at the start of a line, or the file's first number for an empty label.
  ///
  /// - Returns: nil when the file, the label or the number is not there.
  package static func number(in path: StaticString, after label: String = "") -> Int? {
    for line in lines(of: path) where line.hasPrefix(label) {
      let digits = line.dropFirst(label.count).drop { !$0.isNumber }.prefix { $0.isNumber }
      return Int(digits)
    }
    return nil
  }

  /// The lines of a file, none when it cannot be read.
  package static func lines(of path: StaticString) -> [Substring] {
    let descriptor = unsafe path.withCString { unsafe shim_open($0, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { return [] }
    let file = OwnedDescriptor(owning: descriptor)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe read(file.rawValue, &chunk, chunk.count)
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
  }
}
