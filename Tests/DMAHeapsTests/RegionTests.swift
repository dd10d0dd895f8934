// SPDX-License-Identifier: MIT

import DMAHeaps
import Glibc
import PagePools
import Testing

/// Heaps whose memory is set aside when the system starts (C1, C2).
@Suite(.serialized)
struct RegionTests {
  private typealias Region = HeapSystem.RegionConfiguration

  private static let camera = Region(
    name: "camera", byteCount: 8 << 20,
    heaps: [
      .init(name: "frames", aliases: ["cma", "reserved"]),
      .init(name: "chunks", chunkByteCount: 64 << 10),
    ])

  private func system(_ regions: [Region] = [camera]) throws(HeapError) -> HeapSystem {
    var configuration = HeapSystem.Configuration()
    configuration.regions = regions
    configuration.heedsMemoryPressure = false
    return try HeapSystem(configuration)
  }

  private func region(_ system: HeapSystem) throws -> RegionDescription {
    try #require(system.descriptions.first { $0.name == "frames" }?.region)
  }

  @Test func buffers_areTheRegions_andGoBackAtOnce() throws {
    let system = try system()
    for (name, byteCount, held) in [
      ("frames", 5000, 8192), ("cma", 1, 4096), ("chunks", 5000, 65536),
    ] {
      let heap = try system.heap(named: name)
      var buffer = try heap.allocate(byteCount: byteCount)
      #expect(buffer.byteCount == held)
      #expect(buffer.heapName == (name == "cma" ? "frames" : name))
      let isZero = buffer.isZero
      #expect(isZero)
      buffer.fill(7)
      #expect(try region(system).freeByteCount == 8 << 20 - held)
      _ = consume buffer
      #expect(try region(system).largestRunByteCount == 8 << 20)
    }
    // All of it, and none of it is what was written.
    let all = try system.heap(named: "frames").allocate(byteCount: 8 << 20)
    let isZero = all.isZero
    #expect(isZero)
    #expect(system.statistics().inBuffersByteCount == 8 << 20)
    let activity = system.statistics().heaps.first { $0.name == "frames" }
    #expect(activity?.liveByteCount == 8 << 20)
  }

  @Test func shortage_saysWhatIsFree() throws {
    let system = try system()
    let (frames, chunks) = (try system.heap(named: "frames"), try system.heap(named: "chunks"))
    let first = try frames.allocate(byteCount: 1 << 20)
    let second = try chunks.allocate(byteCount: 1 << 20)
    _ = consume first
    #expect(
      throws: HeapError.regionExhausted(
        requestedByteCount: 7 << 20, freeByteCount: 7 << 20, largestRunByteCount: 6 << 20)
    ) { _ = try frames.allocate(byteCount: 7 << 20) }
    // Chunks need no run.
    let scattered = try chunks.allocate(byteCount: 7 << 20)
    let isZero = scattered.isZero
    #expect(isZero)
    let tooMuch = HeapError.bufferTooLarge(
      requestedByteCount: (8 << 20) + 4096, largestByteCount: 8 << 20)
    #expect(throws: tooMuch) { _ = try frames.allocate(byteCount: (8 << 20) + 1) }
    #expect(tooMuch.errorNumber == ENOMEM)
    _ = consume second
  }

  /// A region's memory waits for others as other memory does.
  @Test func requestsWait_forTheRegion() async throws {
    let system = try system()
    let frames = try system.heap(named: "frames")
    let held = Held(try frames.allocate(byteCount: 6 << 20))
    async let waiting = frames.allocate(byteCount: 3 << 20, waitingUpTo: .seconds(30)).byteCount
    try await Task.sleep(for: .milliseconds(20))
    held.letGo()
    #expect(try await waiting == 3 << 20)
    await #expect(throws: HeapError.self) {
      _ = try await frames.allocate(byteCount: 9 << 20, waitingUpTo: .seconds(3600)).byteCount
    }
  }

  @Test func whatRegionsCannot_isSaid() throws {
    let system = try system()
    let frames = try system.heap(named: "frames")
    func isNotSupported(_ body: () throws(HeapError) -> Void) -> Bool {
      do throws(HeapError) {
        try body()
        return false
      } catch {
        return error.errorNumber == ENOTSUP && "\(error)".contains("'frames'")
      }
    }
    let noDescriptor = isNotSupported { () throws(HeapError) in
      _ = try frames.allocateDescriptor(byteCount: 4096)
    }
    #expect(noDescriptor)
    let noExport = isNotSupported { () throws(HeapError) in
      var buffer = try frames.allocate(byteCount: 4096)
      _ = try buffer.exportDescriptor()
    }
    #expect(noExport)
    let noMarks = isNotSupported { () throws(HeapError) in
      try frames.keepReady(low: 1, high: 2, byteCount: 4096)
    }
    #expect(noMarks)
    #expect(try region(system).freeByteCount == 8 << 20)
  }

  @Test func heapsOfRegions_areListed() throws {
    let system = try system()
    let listed = system.descriptions
    #expect(listed.prefix(3).map(\.name) == ["system", "frames", "chunks"])
    #expect(listed[1].source == "region" && listed[1].capabilities == ["buffer", "zeroed"])
    let region = try #require(listed[2].region)
    #expect(region.name == "camera" && region.byteCount == 8 << 20)
    #expect(region.freeByteCount == 8 << 20 && region.largestRunByteCount == 8 << 20)
    #expect(region.chunkByteCount == 64 << 10 && listed[1].region?.chunkByteCount == nil)
    // It has the names of the one that one could expect.
    #expect(!listed.contains { $0.name == "default_cma_region" })
    #expect(listed.contains { $0.name == "system-contig" && $0.absenceReason != nil })
    #expect(throws: HeapError.unknownHeap(name: "none", available: ["system", "frames", "chunks"]))
    {
      try system.heap(named: "none")
    }
  }

  /// What cannot be is said of which region and heap, and leaves no descriptor and no mapping behind.
  @Test func impossibleRegions_nameWhatIsWrong() throws {
    let good = Self.camera
    let cases: [([Region], Int32, String)] = [
      ([Region(name: "r", byteCount: 0, heaps: [])], EINVAL, "'r'"),
      ([Region(name: "r", byteCount: -1, heaps: [])], EINVAL, "-1"),
      ([Region(name: "r", byteCount: .max, heaps: [])], EINVAL, "at most"),
      ([good, Region(name: "r", byteCount: 4096, heaps: [.init(name: "")])], EINVAL, "empty"),
      ([good, Region(name: "r", byteCount: 4096, heaps: [.init(name: "a/b")])], EINVAL, "'a/b'"),
      ([good, Region(name: "r", byteCount: 4096, heaps: [.init(name: "cma")])], EINVAL, "another"),
      ([Region(name: "r", byteCount: 4096, heaps: [.init(name: "system")])], EINVAL, "another"),
      (
        [Region(name: "r", byteCount: 65536, heaps: [.init(name: "c", chunkByteCount: 3 << 12)])],
        EINVAL, "'c'"
      ),
      (
        [Region(name: "r", byteCount: 65536, heaps: [.init(name: "c", chunkByteCount: 2048)])],
        EINVAL, "2048"
      ),
      (
        [Region(name: "r", byteCount: 65536, heaps: [.init(name: "c", chunkByteCount: 1 << 17)])],
        EINVAL, "only 65536"
      ),
      (
        [Region(name: "r", byteCount: 4096, heaps: (0..<33).map { .init(name: "h\($0)") })],
        EINVAL, "'h32'"
      ),
      ([Region(name: "r", byteCount: 1 << 42, heaps: [.init(name: "h")])], ENOMEM, "4398046511104"),
    ]
    for (regions, errorNumber, text) in cases {
      do throws(HeapError) {
        _ = try system(regions)
        Issue.record("\(regions) is possible")
      } catch {
        #expect(error.errorNumber == errorNumber, "\(error)")
        #expect("\(error)".contains(text), "\(error)")
      }
    }
  }

  /// Where the program has closed the region's descriptor, its memory is there still; only chunks that would have
  /// to be mapped in one piece are refused, and another file under the number is left alone.
  @Test func descriptorClosed_theMemoryStays() async {
    await #expect(processExitsWith: .success) {
      let system = try RegionTests().system()
      let (frames, chunks) = (try system.heap(named: "frames"), try system.heap(named: "chunks"))
      let numbers = try openDescriptors(of: "memfd:dmaheap")
      let number = try #require(numbers.count == 1 ? numbers.first : nil)
      close(number)
      let other = open("/dev/zero", O_RDWR)
      if other != number { try #require(dup2(other, number) == number) }
      var frame = try frames.allocate(byteCount: 1 << 20)
      frame.fill(1)
      let chunk = try chunks.allocate(byteCount: 1 << 20)
      _ = consume frame
      let again = try frames.allocate(byteCount: 1 << 20)
      let isZero = again.isZero
      #expect(isZero)
      _ = consume again
      // In two pieces: before the chunk, and behind it.
      #expect(throws: HeapError.systemCallFailed(name: "mmap", errorNumber: EBADF)) {
        _ = try chunks.allocate(byteCount: 7 << 20)
      }
      _ = consume chunk
      let region = try #require(system.descriptions[1].region)
      #expect(region.largestRunByteCount == 8 << 20)
    }
  }

  @Test func regions_leaveNothingBehind() async {
    await #expect(processExitsWith: .success) {
      let before = try openDescriptors(of: "memfd:dmaheap").count
      for _ in 0..<3 {
        let system = try RegionTests().system()
        var frame = try system.heap(named: "chunks").allocate(byteCount: 3 << 20)
        frame.fill(1)
        // The region's own, and no other.
        #expect(try openDescriptors(of: "memfd:dmaheap").count == before + 1)
        _ = consume frame
      }
      #expect(try openDescriptors(of: "memfd:dmaheap").count == before)
      #expect(heapMappingCount() == 0)
    }
  }
}

/// A buffer that a test lets go of when it likes.
private final class Held: @unchecked Sendable {
  private var buffer: Buffer?

  init(_ buffer: consuming Buffer) { self.buffer = consume buffer }

  func letGo() { buffer = nil }
}
