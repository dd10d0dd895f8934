// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc

/// Where files of the system are looked up: `/`, or a folder that stands for it in tests.
package struct RootFolder: Equatable, Sendable {
  /// What is put before every path; empty for `/`.
  private let prefix: String

  /// The machine's own.
  package static let machine = RootFolder("/")

  /// The root below a folder.
  package init(_ path: String) {
    prefix = path == "/" ? "" : path
  }

  /// The path by which this process reaches an absolute path below the root.
  package func path(of path: String) -> String { prefix + path }

  /// Reads a small file.
  ///
  /// - Parameter path: absolute, below the root.
  /// - Returns: nil when there is no such file, or it cannot be read.
  /// - Context: system calls; blocks.
  package func read(_ path: String) -> FileText? {
    let descriptor = unsafe self.path(of: path).withCString {
      unsafe shim_open($0, O_RDONLY | O_CLOEXEC)
    }
    guard descriptor >= 0 else { return nil }
    let file = OwnedDescriptor(owning: descriptor)
    var bytes: [UInt8] = []
    while true {
      let count = unsafe withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { chunk in
        let count = unsafe Glibc.read(file.rawValue, chunk.baseAddress, chunk.count)
        if count > 0 { unsafe bytes.append(contentsOf: chunk[..<count]) }
        return count
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { return nil }
      guard count > 0 else { return FileText(bytes: bytes) }
    }
  }
}

/// What stands in a small file, as bytes: the kernel's files are read often, and strings are slow.
package struct FileText: Equatable, Sendable {
  /// All of it.
  package let bytes: [UInt8]

  package init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// The first number of the file, if it begins with one.
  package var number: Int? { number(at: 0) }

  /// The number behind a label at the start of a line.
  ///
  /// - Parameter label: with what stands between it and the number, apart from spaces.
  /// - Returns: nil when label or number are not there, or the number is too large.
  package func number(after label: StaticString) -> Int? {
    let length = label.utf8CodeUnitCount
    var start = 0
    while start + length <= bytes.count {
      // SAFETY: a static string's length is that of its bytes.
      let isLabel = (0..<length).allSatisfy { unsafe label.utf8Start[$0] == bytes[start + $0] }
      if isLabel { return number(at: start + length) }
      guard let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
      start = end + 1
    }
    return nil
  }

  private func number(at start: Int) -> Int? {
    var number: Int?
    for byte in bytes[start...].drop(while: { $0 == UInt8(ascii: " ") }) {
      guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { break }
      let (tens, isTooLarge) = (number ?? 0).multipliedReportingOverflow(by: 10)
      let (sum, isStillTooLarge) = tens.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
      guard !isTooLarge, !isStillTooLarge else { return nil }
      number = sum
    }
    return number
  }

  /// The lines, without their ends.
  package var lines: [Substring] {
    String(decoding: bytes, as: UTF8.self).split(separator: "\n")
  }
}
