// SPDX-License-Identifier: MIT

/// Text that C can read, and that lives as long as the core.
@safe
struct CText: BitwiseCopyable, @unchecked Sendable {
  // Nobody writes it.
  let pointer: UnsafePointer<CChar>

  /// Text that ends with a NUL and outlives the core.
  init(kept pointer: UnsafePointer<CChar>) {
    unsafe self.pointer = pointer
  }

  init(_ text: StaticString) {
    // SAFETY: a static string ends with a NUL and lives for ever.
    unsafe pointer = UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
  }

  static func == (left: CText, right: CText) -> Bool {
    var index = 0
    // SAFETY: both end with a NUL, where one of them differs or both are at their end.
    while unsafe left.pointer[index] == right.pointer[index] {
      if unsafe left.pointer[index] == 0 { return true }
      index += 1
    }
    return false
  }
}
