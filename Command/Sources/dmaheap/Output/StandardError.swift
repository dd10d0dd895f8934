// SPDX-License-Identifier: MIT

import Foundation

/// Standard error as the commands use it.
enum StandardError {
  /// Whether somebody watches, on a terminal that can take back a line: and from one, which a script on a
  /// machine's console does not have.
  static var isTerminal: Bool {
    guard isatty(STDERR_FILENO) == 1, isatty(STDIN_FILENO) == 1 else { return false }
    return ProcessInfo.processInfo.environment["TERM"].map { $0 != "dumb" && !$0.isEmpty } ?? false
  }

  /// Writes as much as can be written: there is nowhere to tell of a failure.
  static func write(_ text: String) {
    let bytes = Array(text.utf8)
    // SAFETY: the pointer is used by the call only, for as many bytes as there are.
    unsafe _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
  }
}
