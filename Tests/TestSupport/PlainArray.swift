// SPDX-License-Identifier: MIT

/// A fixed number of plain variables that threads may share under rules of their own.
///
/// Deliberately neither locked nor atomic: the core promises who touches a block's memory when, and
/// the thread sanitizer must be able to see it broken.
@safe
final class PlainArray<Element>: @unchecked Sendable {
  // `@unchecked`: the core's locks guard the elements; see above.
  private let base: UnsafeMutablePointer<Element>
  let count: Int

  init(count: Int, repeating element: Element) {
    self.count = count
    unsafe base = .allocate(capacity: count)
    unsafe base.initialize(repeating: element, count: count)
  }

  deinit {
    // SAFETY: all `count` elements were initialised, none was moved out.
    unsafe base.deinitialize(count: count)
    unsafe base.deallocate()
  }

  subscript(index: Int) -> Element {
    get {
      precondition(index >= 0 && index < count, "index out of range")
      return unsafe base[index]
    }
    set {
      precondition(index >= 0 && index < count, "index out of range")
      unsafe base[index] = newValue
    }
  }
}
