// SPDX-License-Identifier: MIT

import PagePools

extension HeapReport {
  /// The heaps that the running machine's tree declares and its kernel has not, and why.
  ///
  /// - Parameter heaps: those there are.
  static func missing(
    from heaps: [HeapReport], declaredBy tree: FlattenedTree
  ) -> [HeapReport] {
    let nodes = Set(heaps.filter { $0.source == "kernel" }.map(\.name))
    let declared = DeclaredHeaps(in: tree, pageSize: .ofMachine)
    let absent = declared.heaps.filter { !nodes.contains($0.name) }.map { heap in
      HeapReport(
        absent: heap.name, source: "kernel",
        because: "declared by \(heap.path) of the device tree; "
          + "the module swift_dma_heaps makes it, or says in the kernel's log why not")
    }
    return absent
      + declared.mistakes.map { mistake in
        HeapReport(
          absent: mistake.name, source: "kernel", because: "the device tree's \(mistake)")
      }
  }
}
