// SPDX-License-Identifier: MIT

extension StaticString {
  /// Calls `body` with a literal as C wants it: literals end with a NUL byte.
  func withCString<R>(_ body: (UnsafePointer<CChar>) -> R) -> R {
    // SAFETY: `CChar` and `UInt8` have the same layout, and the compiler terminates the literal.
    unsafe utf8Start.withMemoryRebound(to: CChar.self, capacity: utf8CodeUnitCount + 1) {
      unsafe body($0)
    }
  }
}
