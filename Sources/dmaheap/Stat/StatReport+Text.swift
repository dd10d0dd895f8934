// SPDX-License-Identifier: MIT

extension StatReport {
  /// For people: the pools, the totals, the heaps.
  var text: String {
    let totals = [
      "total pool size: \(Quantity.kilobytes(pooledByteCount))",
      "pool limit: \(Quantity.kilobytes(poolLimitByteCount))",
      "in other pools: \(Quantity.kilobytes(otherPoolsByteCount))",
      equation,
    ]
    return [poolTable, totals.joined(separator: "\n"), heapTable].joined(separator: "\n\n")
  }

  private var equation: String {
    let parts =
      "in buffers \(Quantity.kilobytes(inBuffersByteCount))"
      + " + deferred \(Quantity.kilobytes(deferredByteCount))"
      + " + pooled \(Quantity.kilobytes(pooledByteCount))"
    return "taken \(Quantity.kilobytes(takenByteCount)) = \(parts)"
      + (isBalanced ? "" : " (does not balance)")
  }

  /// One column per block size that has blocks, one row per kind of memory, blocks in the cells.
  private var poolTable: String {
    let stocked = pools.filter { $0.blockCount > 0 }
    guard !stocked.isEmpty else { return "no free blocks in any pool" }
    let sizes = Set(stocked.map(\.blockByteCount)).sorted()
    var headings: [GridTable.Heading] = [.text("free blocks of")]
    for size in sizes { headings.append(.number(ByteSize(byteCount: size).description)) }
    headings.append(.number("total"))
    var table = GridTable(headings)
    for memory in Set(stocked.map(\.memory)).sorted() {
      let row = stocked.filter { $0.memory == memory }
      var cells = [memory]
      for size in sizes {
        let blocks = row.filter { $0.blockByteCount == size }.reduce(0) { $0 + $1.blockCount }
        cells.append("\(blocks)")
      }
      cells.append(Quantity.kilobytes(row.reduce(0) { $0 + $1.byteCount }))
      table.append(cells)
    }
    return table.text
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
