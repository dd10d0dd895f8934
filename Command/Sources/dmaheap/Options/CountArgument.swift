// SPDX-License-Identifier: MIT

import ArgumentParser

/// A count that must be at least one, and small enough that a figure can be kept for each.
enum CountArgument {
  static let most = 100_000_000

  /// For options.
  static func parse(_ input: String) throws -> Int {
    guard let count = Int(input) else {
      throw ValidationError("'\(input)' is not a whole number from 1 to \(most)")
    }
    guard count > 0 else { throw ValidationError("'\(input)' is too few; the least is 1") }
    guard count <= most else {
      throw ValidationError("'\(input)' is too many; the most is \(most)")
    }
    return count
  }
}
