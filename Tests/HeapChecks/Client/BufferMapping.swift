// SPDX-License-Identifier: MIT

import CHeapChecks
import Glibc

/// A mapping of a buffer; unmapped by name, because checks depend on when.
final class BufferMapping {
  private(set) var base: UnsafeMutableRawPointer
  private(set) var byteCount: Int

  init(base: UnsafeMutableRawPointer, byteCount: Int) {
    self.base = base
    self.byteCount = byteCount
  }

  deinit {
    try? unmap()
  }

  func unmap() throws(SystemFailure) {
    if byteCount > 0, munmap(base, byteCount) != 0 { throw SystemFailure("munmap") }
    byteCount = 0
  }

  /// Unmaps the first part.
  func unmap(first part: Int) throws(SystemFailure) {
    if munmap(base, part) != 0 { throw SystemFailure("munmap") }
    base += part
    byteCount -= part
  }

  func protect(_ protection: Int32) throws(SystemFailure) {
    if mprotect(base, byteCount, protection) != 0 { throw SystemFailure("mprotect") }
  }

  /// Changes the length, moving when there is no room.
  func resize(_ newByteCount: Int) throws(SystemFailure) {
    let address = checks_mremap(base, byteCount, newByteCount)
    guard let address, address != MAP_FAILED else { throw SystemFailure("mremap") }
    base = address
    byteCount = newByteCount
  }

  /// Moves the mapping to another place.
  func move() throws(SystemFailure) {
    let place = mmap(nil, byteCount, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let place, place != MAP_FAILED else { throw SystemFailure("mmap") }
    let address = checks_move(base, byteCount, place)
    guard let address, address != MAP_FAILED else {
      let failure = SystemFailure("mremap")
      munmap(place, byteCount)
      throw failure
    }
    base = address
  }

  private var words: UnsafeMutableBufferPointer<UInt64> {
    UnsafeMutableRawBufferPointer(start: base, count: byteCount).bindMemory(to: UInt64.self)
  }

  /// The offset of the first word (8 bytes) that is not zero, nil when all are.
  var firstDirtyByte: Int? {
    let words = words
    // A page at a time, so that the usual answer comes from a loop that does nothing else.
    for page in stride(from: 0, to: words.count, by: pageSize / 8) {
      var all: UInt64 = 0
      for index in page..<page + pageSize / 8 { all |= words[index] }
      if all != 0 { return words[page...].firstIndex { $0 != 0 }.map { $0 * 8 } }
    }
    return nil
  }

  /// Writes every byte; none is zero.
  ///
  /// - Parameter offset: where in the buffer the mapping begins.
  func fill(_ pattern: UInt64, offset: Int = 0) {
    let words = words
    for index in 0..<words.count { words[index] = Self.word(pattern, offset / 8 + index) }
  }

  /// The offset of the first word that `fill` with the same pattern would change, nil when none is.
  func firstDifference(_ pattern: UInt64, offset: Int = 0) -> Int? {
    let words = words
    for index in 0..<words.count where words[index] != Self.word(pattern, offset / 8 + index) {
      return index * 8
    }
    return nil
  }

  /// Whether the first bytes are these.
  func equals(_ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { bytes in
      guard let first = bytes.baseAddress, bytes.count <= byteCount else { return false }
      return memcmp(base, first, bytes.count) == 0
    }
  }

  func byte(at offset: Int) -> UInt8 {
    base.load(fromByteOffset: offset, as: UInt8.self)
  }

  func setByte(_ byte: UInt8, at offset: Int) {
    base.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
  }

  private static func word(_ pattern: UInt64, _ index: Int) -> UInt64 {
    (pattern &+ UInt64(truncatingIfNeeded: index) &* 0x9E37_79B9_7F4A_7C15) | 0x0101_0101_0101_0101
  }
}

extension BufferMapping {
  /// Fails the check unless every byte is zero (H6).
  func requireZero(_ what: @autoclosure () -> String) throws(CheckFailure) {
    guard let offset = firstDirtyByte else { return }
    throw CheckFailure("\(what()): byte \(offset) of \(byteCount) is not zero")
  }

  /// Fails the check unless the contents are what `fill` wrote.
  func requirePattern(
    _ pattern: UInt64, offset: Int = 0, _ what: @autoclosure () -> String
  ) throws(CheckFailure) {
    guard let first = firstDifference(pattern, offset: offset) else { return }
    throw CheckFailure("\(what()): byte \(first) of \(byteCount) is not what was written")
  }
}
