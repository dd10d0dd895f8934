// SPDX-License-Identifier: MIT

import HeapBench
import Testing

@testable import dmaheap

@Suite struct StatReportTests {
  @Test func statistics_showEveryByteOnce() throws {
    let report = StatReport(
      takenByteCount: 30 << 10, inBuffersByteCount: 8 << 10, deferredByteCount: 4 << 10,
      pooledByteCount: 18 << 10, poolLimitByteCount: 1 << 20,
      pools: [
        .init(memory: "shareable", blockByteCount: 4096, blockCount: 2),
        .init(memory: "in-process", blockByteCount: 8192, blockCount: 1),
      ],
      poolTable: "the pools\nin a table\n",
      heaps: [
        .init(
          name: "system", liveBuffers: 1, liveByteCount: 8192, allocations: 9, poolMisses: 3,
          failures: 0)
      ])
    #expect(report.otherPoolsByteCount == 2 << 10)
    #expect(report.isBalanced)
    let lines = report.text.split(separator: "\n")
    #expect(lines.contains("total pool size: 18 kB"))
    #expect(lines.contains("in other pools: 2 kB"))
    #expect(lines.contains("taken 30 kB = in buffers 8 kB + deferred 4 kB + pooled 18 kB"))
    #expect(report.text.hasPrefix("the pools\nin a table\n\ntotal pool size"))
    #expect(try JSONLine.encode(report).contains("\"balanced\":true"))
  }
}
