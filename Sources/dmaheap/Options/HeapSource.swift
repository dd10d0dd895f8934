// SPDX-License-Identifier: MIT

import ArgumentParser

/// Whose heaps are used.
enum HeapSource: String, CaseIterable, ExpressibleByArgument, Codable, Sendable {
  /// Heaps of this process, on memfds.
  case memfd

  /// The kernel's: nodes of `/dev/dma_heap`.
  case kernel
}
