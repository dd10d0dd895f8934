// SPDX-License-Identifier: MIT

/// What is measured.
package struct BenchWorkload: Sendable {
  package var source = HeapSource.memfd

  /// The kernel's are compared with the first.
  package var heaps = ["system"]

  /// The patch series' sizes.
  package var sizes = [4 << 10, 1 << 20, 8 << 20, 32 << 20].map(ByteSize.init(byteCount:))

  package var interfaces = AllocationInterface.allCases

  /// Whether rows write, in the order they are measured.
  package var touches = [false, true]

  /// Cycles of each row; as many as fit into its budget when nil.
  package var iterations: Int?

  /// Allocations live at once.
  package var burst = 1

  /// Threads that each make all the cycles.
  package var threads = 1

  /// Whether descriptors of untouched memory are measured without waiting between cycles until the
  /// pool has what it is to have ready.
  package var isSustained = false

  /// Whether the heaps' descriptors are of memory that is used again in place.
  package var isInPlace = false

  /// Whether the kernel's pools are emptied before each round.
  package var isCold = false

  /// Whether there are rows of plain system calls.
  package var hasFreshRows = true

  package init() {}
}
