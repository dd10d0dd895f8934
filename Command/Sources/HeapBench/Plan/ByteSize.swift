// SPDX-License-Identifier: MIT

/// A number of bytes as it is typed and shown: `4096`, `64KiB`, `32M`, `2G`.
package struct ByteSize: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let byteCount: Int

  package init(byteCount: Int) {
    self.byteCount = byteCount
  }

  package static func < (left: Self, right: Self) -> Bool { left.byteCount < right.byteCount }

  /// The shortest exact form.
  package var description: String {
    for (unit, shift) in [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)]
    where byteCount != 0 && byteCount.trailingZeroBitCount >= shift {
      return "\(byteCount >> shift) \(unit)"
    }
    return "\(byteCount) B"
  }
}

/// Why a size was refused.
package enum ByteSizeError: Error, Equatable, CustomStringConvertible {
  case notASize(String)
  case zero(String)
  case overflow(String)

  package var description: String {
    switch self {
    case .notASize(let input):
      "'\(input)' is not a size; a size is a whole number, alone or with K, M, G or T (KiB, MiB, …)"
    case .zero(let input):
      "'\(input)' is no size to work with; the least is 1 byte"
    case .overflow(let input):
      "'\(input)' is too large; the most that can be written is \(Int.max) bytes"
    }
  }
}

extension ByteSize {
  /// Reads a size, with the suffixes in either case: `K`, `KB` and `KiB` are all 1024.
  package static func parse(_ input: String) throws(ByteSizeError) -> ByteSize {
    let digits = input.prefix { $0.isASCII && $0.isNumber }
    guard !digits.isEmpty else { throw .notASize(input) }
    let suffix = input.dropFirst(digits.count).lowercased()
    guard let shift = shifts[suffix] else { throw .notASize(input) }
    guard let number = Int(digits) else { throw .overflow(input) }
    guard number > 0 else { throw .zero(input) }
    let (result, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
    guard !overflow else { throw .overflow(input) }
    return ByteSize(byteCount: result)
  }

  private static let shifts: [String: Int] = {
    var shifts = ["": 0, "b": 0]
    for (letter, shift) in [("k", 10), ("m", 20), ("g", 30), ("t", 40)] {
      for suffix in [letter, letter + "b", letter + "ib"] { shifts[suffix] = shift }
    }
    return shifts
  }()
}
