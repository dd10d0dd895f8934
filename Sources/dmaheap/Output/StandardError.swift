// SPDX-License-Identifier: MIT

import Foundation

/// Standard error as the commands use it.
enum StandardError {
  /// Whether somebody watches.
  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  static func write(_ text: String) {
    FileHandle.standardError.write(Data(text.utf8))
  }
}
