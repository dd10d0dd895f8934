// SPDX-License-Identifier: MIT

import CLinuxShims
import Glibc

/// A small file of the kernel's: procfs, sysfs, debugfs.
enum TextFile {
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// The whole text.
  static func read(_ path: String) throws(SystemFailure) -> String {
    let descriptor = shim_open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemFailure("open \(path)") }
    defer { close(descriptor) }
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16384)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0 { throw SystemFailure("read \(path)") }
      if count == 0 { return String(decoding: text, as: UTF8.self) }
      text += chunk[..<count]
    }
  }

  /// The lines, each as its words.
  static func words(_ path: String) throws(SystemFailure) -> [[Substring]] {
    try read(path).split(separator: "\n").map { line in
      line.split { $0 == " " || $0 == "\t" || $0 == ":" }
    }
  }

  /// Writes in one call, as procfs and debugfs want it.
  static func write(_ text: String, to path: String) throws(SystemFailure) {
    let descriptor = shim_open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemFailure("open \(path)") }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    if Glibc.write(descriptor, bytes, bytes.count) < 0 { throw SystemFailure("write \(path)") }
  }
}
