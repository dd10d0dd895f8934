// SPDX-License-Identifier: MIT

import Foundation

/// The machine's memory.
enum SystemMemory {
  /// Bytes that can be had without swapping, as the kernel estimates them; nil if it does not say.
  static func available() -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8) else {
      return nil
    }
    return available(inReport: text)
  }

  static func available(inReport text: String) -> Int? {
    for line in text.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
      let words = line.split(separator: " ")
      guard words.count >= 2, let kilobytes = Int(words[1]) else { return nil }
      return kilobytes * 1024
    }
    return nil
  }
}
