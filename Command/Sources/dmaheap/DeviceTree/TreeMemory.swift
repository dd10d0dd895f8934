// SPDX-License-Identifier: MIT

/// The bytes of a blob, from an address that is a multiple of 8, as libfdt wants it.
///
/// Nobody writes them once a ``FlattenedTree`` reads them.
@safe
final class TreeMemory {
  let start: UnsafeMutableRawPointer
  let byteCount: Int
  private let release: (UnsafeMutableRawPointer) -> Void

  /// Takes memory over.
  ///
  /// - Parameters:
  ///   - start: a multiple of 8.
  ///   - byteCount: from there on; 0 or more.
  ///   - release: called with `start` when nobody has the memory any more.
  init(
    start: UnsafeMutableRawPointer, byteCount: Int,
    release: @escaping (UnsafeMutableRawPointer) -> Void
  ) {
    unsafe self.start = unsafe start
    self.byteCount = byteCount
    unsafe self.release = unsafe release
  }

  /// Memory of so many bytes, 0 or more, all of them zero.
  convenience init(byteCount: Int) {
    let start = UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 1), alignment: 8)
    unsafe start.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    unsafe self.init(start: start, byteCount: byteCount) { unsafe $0.deallocate() }
  }

  /// A copy.
  convenience init(_ bytes: some Collection<UInt8>) {
    self.init(byteCount: bytes.count)
    // SAFETY: the memory has as many bytes as there are.
    unsafe UnsafeMutableRawBufferPointer(start: start, count: byteCount).copyBytes(from: bytes)
  }

  deinit { unsafe release(start) }
}
