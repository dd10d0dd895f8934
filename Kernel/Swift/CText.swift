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
}
