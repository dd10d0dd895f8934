// SPDX-License-Identifier: MIT

import Foundation
import HeapBench

extension StatReport {
  /// For people: the pools, the totals, the heaps.
  var text: String {
    let totals = [
      "total pool size: \(Quantity.kilobytes(pooledByteCount))",
      "pool limit: \(Quantity.kilobytes(poolLimitByteCount))",
      "in other pools: \(Quantity.kilobytes(otherPoolsByteCount))",
      equation,
    ]
    // The pool library's own, so that every user of the library shows up in it.
    let pools = poolTable.trimmingCharacters(in: .newlines)
    return [pools, totals.joined(separator: "\n"), heapTable].joined(separator: "\n\n")
  }

  private var equation: String {
    let parts =
      "in buffers \(Quantity.kilobytes(inBuffersByteCount))"
      + " + deferred \(Quantity.kilobytes(deferredByteCount))"
      + " + pooled \(Quantity.kilobytes(pooledByteCount))"
    return "taken \(Quantity.kilobytes(takenByteCount)) = \(parts)"
      + (isBalanced ? "" : " (does not balance)")
  }

  private var heapTable: String {
    var table = GridTable([
      .text("heap"), .number("buffers"), .number("in them"), .number("allocations"),
      .number("pool misses"), .number("failures"),
    ])
    for heap in heaps {
      table.append([
        heap.name, "\(heap.liveBuffers)", Quantity.kilobytes(heap.liveByteCount),
        "\(heap.allocations)", "\(heap.poolMisses)", "\(heap.failures)",
      ])
    }
    return table.text
  }
}
