// SPDX-License-Identifier: MIT

/// A heap's name: 1 to 63 bytes, no `/`, no NUL, not `.` or `..` (H1).
///
/// A name becomes a file name under `/dev/dma_heap`. It is kept inline, so that it can be compared
/// under a spinlock and needs no `String`.
public struct HeapName: Equatable, Sendable {
  private var bytes: InlineArray<63, UInt8>
  private var byteCount: Int

  /// The longest name, in bytes.
  public static var maximumByteCount: Int { 63 }

  /// Checks and copies a name.
  ///
  /// - Parameter utf8: the name's bytes, without a terminating NUL.
  /// - Throws: ``HeapNameError`` naming the rule that is broken (EINVAL, too long ENAMETOOLONG).
  public init(utf8: some Sequence<UInt8>) throws(HeapNameError) {
    bytes = InlineArray(repeating: 0)
    byteCount = 0
    for byte in utf8 {
      guard byteCount < Self.maximumByteCount else { throw .tooLong }
      guard byte != UInt8(ascii: "/") else { throw .containsSlash }
      guard byte != 0 else { throw .containsNull }
      bytes[byteCount] = byte
      byteCount += 1
    }
    guard byteCount > 0 else { throw .empty }
    let dot = UInt8(ascii: ".")
    let isDots = (bytes[0] == dot) && (byteCount == 1 || (byteCount == 2 && bytes[1] == dot))
    guard !isDots else { throw .isDirectoryReference }
  }

  /// Calls `body` with the name's bytes.
  public borrowing func withUTF8<R>(_ body: (Span<UInt8>) -> R) -> R {
    body(bytes.span.extracting(0..<byteCount))
  }

  /// Whether two names are the same bytes.
  public static func == (left: HeapName, right: HeapName) -> Bool {
    guard left.byteCount == right.byteCount else { return false }
    for index in 0..<left.byteCount where left.bytes[index] != right.bytes[index] {
      return false
    }
    return true
  }
}

/// The rule of H1 that a name breaks.
public enum HeapNameError: Error, Equatable, Sendable {
  /// The name has no bytes.
  case empty
  /// The name has more than ``HeapName/maximumByteCount`` bytes.
  case tooLong
  /// The name has a `/`.
  case containsSlash
  /// The name has a NUL byte.
  case containsNull
  /// The name is `.` or `..`.
  case isDirectoryReference
}
