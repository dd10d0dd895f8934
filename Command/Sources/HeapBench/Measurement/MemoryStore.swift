// SPDX-License-Identifier: MIT

/// Holds what is live at once, in memory that is there before the first allocation.
@safe
struct MemoryStore<Memory: ~Copyable>: ~Copyable {
  private let elements: UnsafeMutableBufferPointer<Memory>
  private let capacity: Int

  /// The elements that are there.
  private var range = 0..<0

  init(capacity: Int) {
    self.capacity = capacity
    // SAFETY: freed in deinit and nowhere else.
    unsafe elements = .allocate(capacity: capacity)
    // Page faults belong here, not between two allocations.
    let raw = UnsafeMutableRawBufferPointer(unsafe elements)
    unsafe raw.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit {
    // SAFETY: `range` are the initialised elements.
    for index in range { unsafe elements.deinitializeElement(at: index) }
    unsafe elements.deallocate()
  }

  var isEmpty: Bool { range.isEmpty }

  /// Adds at the end.
  mutating func append(_ memory: consuming Memory) {
    precondition(range.upperBound < capacity)
    // SAFETY: within the capacity, as checked, and never initialised before.
    unsafe elements.initializeElement(at: range.upperBound, to: memory)
    range = range.lowerBound..<(range.upperBound + 1)
  }

  /// Takes the oldest.
  mutating func takeFirst() -> Memory {
    precondition(!range.isEmpty)
    let index = range.lowerBound
    range = (index + 1)..<range.upperBound
    // SAFETY: `index` was initialised and has just left the range.
    return unsafe elements.moveElement(from: index)
  }
}
