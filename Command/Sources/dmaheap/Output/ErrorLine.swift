// SPDX-License-Identifier: MIT

import Foundation

/// How an error is shown.
enum ErrorLine {
  /// One line, whatever the message has, in which nothing moves a cursor or changes a color.
  ///
  /// - Parameter arguments: those of the command, whose line breaks are to be seen as such.
  static func line(_ message: String, arguments: [String] = []) -> String {
    var message = message
    for argument in arguments {
      // Of an option and its value in one word, messages quote the value.
      let value = argument.drop { $0 != "=" }.dropFirst()
      for text in [argument, String(value)] where !text.isEmpty {
        message = message.replacingOccurrences(of: text, with: escaped(text))
      }
    }
    let oneLine = message.split(whereSeparator: \.isNewline)
      .map { $0.trimmingCharacters(in: .whitespaces) }
      .joined(separator: " ")
    return "dmaheap: error: \(escaped(oneLine))\n"
  }

  /// The same of what is wrong and no reason to stop.
  static func warning(_ message: String) -> String { "dmaheap: warning: \(escaped(message))\n" }

  /// The text with each character that a terminal would obey as `\u{1B}`.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator:
        result += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
      default:
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
