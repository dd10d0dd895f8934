// SPDX-License-Identifier: MIT

import Foundation
import HeapBench

/// Standard output, line by line.
enum Output {
  /// Prints at once: a reader at the other end of a pipe follows a long run.
  static func line(_ text: String) throws(OutputError) {
    try write(text + "\n", to: STDOUT_FILENO, "standard output")
  }

  /// Prints one JSON object.
  static func json(_ value: some Encodable) throws {
    try line(try JSONLine.encode(value))
  }

  /// Writes a file anew.
  static func file(_ path: String, _ text: String) throws(OutputError) {
    // SAFETY: the path is a terminated string as long as the call.
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw OutputError(name: "'\(path)'", errorNumber: errno) }
    defer { close(descriptor) }
    try write(text, to: descriptor, "'\(path)'")
  }

  /// Writes all of `text`, however many calls that takes.
  ///
  /// Not by `FileHandle`, which has no way to say that the disk is full but to end the process.
  private static func write(
    _ text: String, to descriptor: Int32, _ name: String
  ) throws(OutputError) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      // SAFETY: the pointer is used by the call only, for as many bytes as there are.
      let count = unsafe rest.withUnsafeBytes { bytes in
        unsafe Glibc.write(descriptor, bytes.baseAddress, bytes.count)
      }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        // The other end of a pipe or terminal may have been made not to block.
        var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        unsafe _ = poll(&wait, 1, -1)
      } else if errno != EINTR {
        throw OutputError(name: name, errorNumber: errno)
      }
    }
  }
}

/// What was to be written and cannot be.
struct OutputError: Error, CustomStringConvertible {
  let name: String
  let errorNumber: Int32

  var description: String { "cannot write to \(name): \(SystemErrorText.of(errorNumber))" }
}
