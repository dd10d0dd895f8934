// SPDX-License-Identifier: MIT

/// Whose heaps are used.
package enum HeapSource: String, CaseIterable, Codable, Sendable {
  /// Heaps of this process, on memfds.
  case memfd

  /// The kernel's: nodes of `/dev/dma_heap`.
  case kernel
}
