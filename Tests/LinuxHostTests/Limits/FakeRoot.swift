// SPDX-License-Identifier: MIT

import Foundation
import LinuxHost
import Testing

/// A folder that stands for `/`, with the files a test wants; gone when the value is.
final class FakeRoot {
  let path: String

  var root: RootFolder { RootFolder(path) }

  init() throws {
    var template = Array("/tmp/dmaheap-root-XXXXXX".utf8CString)
    let name = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } }
    path = String(cString: try #require(name))
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Writes a file, and makes the folders on the way to it.
  func write(_ file: String, _ text: String) throws {
    var folder = path
    for component in file.split(separator: "/").dropLast() {
      folder += "/" + component
      try #require(mkdir(folder, 0o755) == 0 || errno == EEXIST)
    }
    let stream = try #require(fopen(path + file, "w"))
    defer { fclose(stream) }
    try #require(fputs(text, stream) >= 0)
  }

  /// Writes several files into one folder.
  func write(_ folder: String, _ files: [String: String]) throws {
    for (name, text) in files { try write(folder + "/" + name, text) }
  }

  /// Writes `/proc/meminfo`: MiB.
  func writeMachine(total: Int, available: Int) throws {
    try write(
      "/proc/meminfo",
      "MemTotal:       \(total << 10) kB\nMemFree: 1 kB\nMemAvailable:   \(available << 10) kB\n")
  }

  /// Limits that are read here.
  func limits(addressSpace: Int? = nil) -> MemoryLimits {
    MemoryLimits(root: root, addressSpaceLimit: { addressSpace })
  }
}
