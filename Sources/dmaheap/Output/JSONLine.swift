// SPDX-License-Identifier: MIT

import Foundation

/// JSON lines: one object per line on standard output.
enum JSONLine {
  static func encode(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// Prints at once: a reader at the other end of a pipe follows a long run.
  static func print(_ value: some Encodable) throws {
    Output.line(try encode(value))
  }
}

/// Standard output, line by line.
enum Output {
  static func line(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
  }
}
