// SPDX-License-Identifier: MIT

import Foundation

/// Standard error as the commands use it.
enum StandardError {
  /// Whether somebody watches: on a terminal, and from one, which a script on a machine's console
  /// does not have.
  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 && isatty(STDIN_FILENO) == 1 }

  static func write(_ text: String) {
    FileHandle.standardError.write(Data(text.utf8))
  }
}
