// SPDX-License-Identifier: MIT

import PagePools
import Testing

@testable import dmaheap

/// What the module tells of its regions.
@Suite struct KernelRegionsTests {
  private static let report = """
    heap first_frame pages free largest_run chunk
    camera@50000000 327680 24576 24000 12000 0
    camera-chunks 327680 24576 24000 12000 16
    video 81920 8192 8192 8192 32

    """

  private static func regions(_ text: String, pageSize: Int = 12) throws -> KernelRegions {
    try HeapsFileTests.withFile(text) {
      KernelRegions(path: $0, pageSize: PageSize(shift: pageSize))
    }
  }

  @Test func regions_haveBytes() throws {
    let regions = try Self.regions(Self.report)
    #expect(regions.byHeap.count == 3)
    let chunks = try #require(regions.byHeap["camera-chunks"])
    #expect(chunks.name == "camera@50000000" && chunks.byteCount == 96 << 20)
    #expect(chunks.freeByteCount == 24000 << 12 && chunks.largestRunByteCount == 12000 << 12)
    #expect(chunks.chunkByteCount == 64 << 10)
    #expect(regions.byHeap["camera@50000000"]?.chunkByteCount == nil)
    #expect(regions.byHeap["video"]?.name == "video")
    let large = try Self.regions(Self.report, pageSize: 16)
    #expect(large.byHeap["video"]?.byteCount == 8192 << 16)
  }

  @Test func otherColumns_doNotMatter() throws {
    let regions = try Self.regions(
      "heap stock first_frame pages free largest_run chunk more\nvideo 9 1 2 3 4 5 9\n")
    #expect(regions.byHeap["video"]?.byteCount == 2 << 12)
    #expect(regions.byHeap["video"]?.chunkByteCount == 5 << 12)
  }

  @Test func heaps_ofTheKernel_haveTheirs() throws {
    var heaps = [
      HeapReport(absent: "video", source: "region", because: ""),
      HeapReport(absent: "video", source: "kernel", because: ""),
      HeapReport(absent: "system", source: "kernel", because: ""),
    ]
    try Self.regions(Self.report).show(in: &heaps)
    #expect(heaps.map { $0.region?.byteCount } == [nil, 32 << 20, nil])
    #expect(
      HeapReport.table(heaps).contains(
        "region of video: video, 32 MiB in chunks of 128 KiB; 32 MiB free"))
  }

  @Test func otherReports_tellNothing() throws {
    #expect(KernelRegions(path: "/no/such/file").byHeap.isEmpty)
    let lines = [
      "a 1 2 3", "a 1 2 3 4 x", "a 1 2 3 4 -5", "a 1 9223372036854775807 3 4 5", "", " ",
    ]
    let head = "heap first_frame pages free largest_run chunk\n"
    #expect(try Self.regions(head + lines.joined(separator: "\n")).byHeap.isEmpty)
    #expect(try Self.regions("heap pages free largest_run chunk\na 1 2 3 4\n").byHeap.isEmpty)
    #expect(try Self.regions("").byHeap.isEmpty)
  }
}
