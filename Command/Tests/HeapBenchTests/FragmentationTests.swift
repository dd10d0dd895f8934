// SPDX-License-Identifier: MIT

import DMAHeaps
import Testing

@testable import HeapBench

@Suite struct FragmentationTests {
  private func reports(steps: Int, size: ByteSize? = nil) throws -> [FragmentationReport] {
    var configuration = HeapSystem.Configuration()
    configuration.regions = [
      .init(
        name: "camera", byteCount: 4 << 20,
        heaps: [.init(name: "runs"), .init(name: "chunks", chunkByteCount: 64 << 10)])
    ]
    let system = try HeapSystem(configuration)
    return try ["runs", "chunks"].flatMap { name in
      try FragmentationBench(heap: name, of: system, size: size, steps: steps).run { _ in }
    }
  }

  @Test func regionInPieces_servesChunksOnly() throws {
    let reports = try reports(steps: 500)
    #expect(reports.count == 10)
    #expect(
      reports.map(\.heap) == Array(repeating: "runs", count: 5)
        + Array(repeating: "chunks", count: 5))
    func report(_ heap: String, _ scenario: FragmentationBench.Scenario) throws
      -> FragmentationReport
    {
      try #require(reports.first { $0.heap == heap && $0.scenario == scenario.rawValue })
    }
    for heap in ["runs", "chunks"] {
      let untouched = try report(heap, .untouched)
      #expect(untouched.isServed && untouched.region.largestRunByteCount == 4 << 20)
      let freed = try report(heap, .bothFreed)
      #expect(freed.isServed && freed.region.largestRunByteCount == 4 << 20)
      let full = try report(heap, .full)
      #expect(!full.isServed && full.region.freeByteCount < 64 << 10)
      #expect(full.failure?.errorNumber == 12)
    }
    // 8 KiB stay in every 128 KiB.
    let pieces = try report("runs", .everyOther)
    #expect(pieces.region.freeByteCount == (4 << 20) / 16 * 15)
    #expect(pieces.region.largestRunByteCount == 120 << 10 && !pieces.isServed)
    let chunks = try report("chunks", .everyOther)
    #expect(chunks.region.freeByteCount == 3 << 20 && chunks.isServed)
    #expect(chunks.region.largestRunByteCount == 192 << 10)
  }

  @Test func sameSeed_sameRegion() throws {
    let first = try reports(steps: 300).map(\.region)
    let second = try reports(steps: 300).map(\.region)
    #expect(first == second)
  }

  @Test func otherHeaps_haveNoRegion() throws {
    let system = try HeapSystem()
    #expect(throws: HeapError.self) {
      _ = try FragmentationBench(heap: "system", of: system, size: nil)
    }
  }

  @Test func table_hasARowEach() throws {
    let lines = FragmentationReport.table(try reports(steps: 10, size: ByteSize(byteCount: 4096)))
      .split(separator: "\n")
    #expect(lines.count == 12)
    #expect(lines[2].hasPrefix("runs") && lines[2].contains("4096 kB") && lines[2].contains("yes"))
    let json = try JSONLine.encode(try reports(steps: 10)[4])
    #expect(
      json.contains(#""served":false"#) && json.contains(#""failure":"the region has no room"#))
  }
}
