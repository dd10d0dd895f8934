// SPDX-License-Identifier: MIT

import Glibc
import HeapFramework
import LinuxHost
import PagePools
import TestSupport
import Testing

/// Heaps of this process whose memory is a region's (C1, C2).
@Suite(.serialized)
struct RegionBufferHeapTests {
  private static let chunkPages = 16

  /// A region of 64 chunks, with a heap of runs and one of chunks.
  private func withHeaps(
    faults: FaultPlan? = nil,
    _ body: (_ runs: RegionBufferHeap, _ chunks: RegionBufferHeap, BufferMemory<LinuxHost>) throws
      -> Void
  ) throws {
    let runtime = try HeapRuntime(
      poolLimit: PageCount(1000), deferredLimit: PageCount(1000), faults: faults)
    let memory = try runtime.memory.host.makeRegion(PageCount(64 * Self.chunkPages))
    let runs = try #require(RegionBufferHeap(memory, cut: .runs, in: runtime.memory))
    let chunks = try #require(
      RegionBufferHeap(memory, cut: .chunks(Order(4)), in: runtime.memory))
    try body(runs, chunks, runtime.memory)
    #expect(runtime.memory.pools.checkInvariants() == PageAccounts())
    let space = memory.region.space
    #expect(space.largestRun == PageCount(64 * Self.chunkPages), "the region is not whole")
    runtime.stop()
    runs.close()
    chunks.close()
    runtime.close()
  }

  /// Mappings of the library's files in this process.
  private static func mappingCount() -> Int {
    ProcessFile.lines(of: "/proc/self/maps").count { $0.contains("memfd:dmaheap") }
  }

  private func bytes(_ block: MemoryBlock, _ pages: Int) throws -> UnsafeMutableRawBufferPointer {
    let address: UnsafeMutableRawPointer = try #require(block.address)
    return UnsafeMutableRawBufferPointer(start: address, count: PageCount(pages).byteCount)
  }

  private func fill(_ memory: UnsafeMutableRawBufferPointer, _ value: UInt8) {
    if let base = memory.baseAddress { memset(base, Int32(value), memory.count) }
  }

  private func isAll(_ memory: UnsafeMutableRawBufferPointer, _ value: UInt8) -> Bool {
    guard let base = memory.baseAddress, memory[0] == value else { return false }
    return memcmp(base, base + 1, memory.count - 1) == 0
  }

  @Test func runs_areOneBehindTheOther() throws {
    try withHeaps { runs, _, _ in
      let first = try runs.allocateBuffer(PageCount(3))
      let second = try runs.allocateBuffer(PageCount(100))
      let start = try bytes(first, 3)
      #expect(try bytes(second, 100).baseAddress == start.baseAddress.map { $0 + start.count })
      for (block, pages) in [(first, 3), (second, 100)] {
        let memory = try bytes(block, pages)
        #expect(isAll(memory, 0))
        fill(memory, 1)
        runs.free(block, mayBeWritten: true)
      }
      let again = try runs.allocateBuffer(PageCount(103))
      #expect(try isAll(bytes(again, 103), 0))
      runs.free(again, mayBeWritten: false)
    }
  }

  /// Chunks that are not next to each other are one piece of memory for whoever has them.
  @Test func scatteredChunks_areInOnePiece() throws {
    try withHeaps { _, chunks, _ in
      var blocks: [MemoryBlock] = []
      for _ in 0..<64 { blocks.append(try chunks.allocateBuffer(PageCount(1))) }
      for index in stride(from: 0, to: 64, by: 2) {
        let memory = try bytes(blocks[index], Self.chunkPages)
        fill(memory, 1)
        chunks.free(blocks[index], mayBeWritten: true)
      }
      let buffer = try chunks.allocateBuffer(PageCount(32 * Self.chunkPages))
      let memory = try bytes(buffer, 32 * Self.chunkPages)
      #expect(isAll(memory, 0))
      fill(memory, 2)
      // What the others have is theirs.
      for index in stride(from: 1, to: 64, by: 2) {
        #expect(try isAll(bytes(blocks[index], Self.chunkPages), 0))
        chunks.free(blocks[index], mayBeWritten: false)
      }
      chunks.free(buffer, mayBeWritten: true)
      let all = try chunks.allocateBuffer(PageCount(64 * Self.chunkPages))
      #expect(try isAll(bytes(all, 64 * Self.chunkPages), 0))
      chunks.free(all, mayBeWritten: false)
    }
  }

  /// Chunks are mapped once more only while somebody has them, and the region goes with its heaps.
  @Test func mappings_areThoseOfBuffers() async {
    await #expect(processExitsWith: .success) {
      let tests = RegionBufferHeapTests()
      try tests.withHeaps { _, chunks, _ in
        #expect(Self.mappingCount() == 1)
        var blocks: [MemoryBlock] = []
        for _ in 0..<64 { blocks.append(try chunks.allocateBuffer(PageCount(1))) }
        for index in stride(from: 0, to: 64, by: 2) {
          chunks.free(blocks[index], mayBeWritten: false)
        }
        let buffer = try chunks.allocateBuffer(PageCount(32 * Self.chunkPages))
        #expect(Self.mappingCount() == 1 + 32)
        chunks.free(buffer, mayBeWritten: true)
        #expect(Self.mappingCount() == 1)
        for index in stride(from: 1, to: 64, by: 2) {
          chunks.free(blocks[index], mayBeWritten: false)
        }
      }
      #expect(Self.mappingCount() == 0)
    }
  }

  @Test func shortage_isToldOfTheRegion() throws {
    try withHeaps { runs, chunks, _ in
      let most = try runs.allocateBuffer(PageCount(1000))
      do throws(HostFailure) {
        _ = try chunks.allocateBuffer(PageCount(17))
        Issue.record("more chunks than there are")
      } catch {
        #expect(error.errorNumber == ENOMEM)
        #expect(
          error.shortage
            == Shortage(
              of: PageCount(32), .fragmented(free: PageCount(24), largestRun: PageCount(24))))
      }
      #expect(throws: HostFailure.self) { try runs.allocateBuffer(PageCount(1 << 40)) }
      runs.free(most, mayBeWritten: false)
    }
  }

  /// Where chunks cannot be mapped in one piece, they are back, and the next request finds them.
  @Test func chunksThatCannotBeJoined_areBack() throws {
    let mappings = Counter()
    let faults = FaultPlan { $0 == .map && mappings.isRefused() ? ENOMEM : nil }
    try withHeaps(faults: faults) { runs, chunks, _ in
      let middle = try runs.allocateBuffer(PageCount(40))
      let other = try chunks.allocateBuffer(PageCount(16))
      runs.free(middle, mayBeWritten: false)
      mappings.refuse(1)
      #expect(throws: HostFailure.self) {
        try chunks.allocateBuffer(PageCount(63 * Self.chunkPages))
      }
      let buffer = try chunks.allocateBuffer(PageCount(63 * Self.chunkPages))
      chunks.free(buffer, mayBeWritten: false)
      chunks.free(other, mayBeWritten: false)
    }
  }

  /// What each has written is there until it is freed, and nobody finds it afterwards.
  @Test func randomBuffers_keepTheirContents() throws {
    var random = SeededGenerator(for: "randomBuffers_keepTheirContents")
    try withHeaps { runs, chunks, _ in
      var live: [(heap: RegionBufferHeap, block: MemoryBlock, pages: Int, value: UInt8)] = []
      for step in 0..<(TestScale.isSanitized ? 300 : 3000) {
        let pages = 1 + random.below(60)
        let heap = random.oneIn(2) ? runs : chunks
        if random.oneIn(2), let block = try? heap.allocateBuffer(PageCount(pages)) {
          let memory = try bytes(block, pages)
          let value = UInt8(1 + step % 255)
          try #require(isAll(memory, 0))
          fill(memory, value)
          live.append((heap, block, pages, value))
        } else if !live.isEmpty {
          let buffer = live.remove(at: random.below(live.count))
          let memory = try bytes(buffer.block, buffer.pages)
          try #require(isAll(memory, buffer.value))
          buffer.heap.free(buffer.block, mayBeWritten: true)
        }
      }
      for buffer in live { buffer.heap.free(buffer.block, mayBeWritten: true) }
    }
  }
}

/// Refuses as often as it is told to.
private final class Counter: Sendable {
  private let refusals = Locked<Int, FutexLock>(0)

  func refuse(_ count: Int) { refusals.withLock { $0 = count } }

  func isRefused() -> Bool {
    refusals.withLock { refusals in
      guard refusals > 0 else { return false }
      refusals -= 1
      return true
    }
  }
}
