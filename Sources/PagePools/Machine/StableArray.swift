// SPDX-License-Identifier: MIT

/// A fixed number of elements that never move and need not be copyable.
///
/// Embedded Swift has no noncopyable array, and locks and atomics must stay where they are.
@safe
public struct StableArray<Element: ~Copyable>: ~Copyable {
  @usableFromInline let base: UnsafeMutablePointer<Element>

  /// The number of elements.
  public let count: Int

  /// Makes `count` elements, in order.
  ///
  /// - Context: allocates; may block.
  @inlinable
  public init(count: Int, _ makeElement: (_ index: Int) -> Element) {
    precondition(count >= 0)
    unsafe base = .allocate(capacity: count)
    self.count = count
    for index in 0..<count {
      unsafe (base + index).initialize(to: makeElement(index))
    }
  }

  @inlinable
  deinit {
    // SAFETY: all `count` elements were initialised, none was moved out.
    unsafe base.deinitialize(count: count)
    unsafe base.deallocate()
  }

  /// The element at `index`, in place.
  @inlinable
  public subscript(index: Int) -> Element {
    unsafeAddress {
      precondition(index >= 0 && index < count, "index out of range")
      return unsafe UnsafePointer(base + index)
    }
    unsafeMutableAddress {
      precondition(index >= 0 && index < count, "index out of range")
      return unsafe base + index
    }
  }
}

extension StableArray: @unchecked Sendable where Element: ~Copyable, Element: Sendable {}
