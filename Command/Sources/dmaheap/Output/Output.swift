// SPDX-License-Identifier: MIT

import Foundation
import HeapBench

/// Standard output, line by line.
enum Output {
  static func line(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
  }

  /// Prints at once: a reader at the other end of a pipe follows a long run.
  static func json(_ value: some Encodable) throws {
    line(try JSONLine.encode(value))
  }
}
