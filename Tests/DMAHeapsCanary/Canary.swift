// SPDX-License-Identifier: MIT
//
// A program that uses the library: this target imports nothing else of the project. What is written down
// here is what a user can write down; a public declaration that is missing from it is to be added.

import DMAHeaps
import Glibc
import Testing

@Suite
struct Canary {
  // MARK: Names

  /// What a program keeps in properties of its own.
  private struct Camera: ~Copyable {
    let system: HeapSystem
    let heap: Heap
    var frame: Buffer
    let descriptor: OwnedDescriptor
    let flags: DescriptorFlags
    let failure: HeapError?
    let reason: RequestError?
    let length: ByteCount
    let access: BufferAccess
    let statistics: HeapStatistics
    let activity: HeapStatistics.HeapActivity?
    let stock: HeapStatistics.PoolStock?
    let heaps: [HeapDescription]
    let configuration: HeapSystem.Configuration
    let regions: [HeapSystem.RegionConfiguration]
    let regionHeap: HeapSystem.RegionHeapConfiguration?
    let region: RegionDescription?
  }

  /// What a program keeps that gets its frames from another process.
  private struct Display: ~Copyable {
    let frame: ReceivedBuffer
    let layout: BufferLayout
    let luma: BufferLayout.Plane
    let failure: TransferFailure?
  }

  /// A sample of a program's own.
  private struct Chroma: PlaneElement {
    var blue: UInt8
    var red: UInt8
  }

  private func receive(from socket: Int32) throws(HeapError) -> Display {
    let layout = try BufferLayout.nv12(width: 64, height: 4)
    let frame = try ReceivedBuffer(from: socket)
    return Display(frame: frame, layout: layout, luma: layout.planes[0], failure: nil)
  }

  private func firstSample(of plane: PlaneSpan) throws(HeapError) -> UInt8 {
    try plane.row(0, as: UInt8.self)[0]
  }

  private func paint(_ plane: inout MutablePlaneSpan) throws(HeapError) {
    var row: MutableSpan<Chroma> = try plane.row(0, as: Chroma.self)
    row[1] = Chroma(blue: 1, red: 2)
  }

  private func number(of descriptor: borrowing OwnedDescriptor) -> Int32 { descriptor.rawValue }

  private func openKernelHeap() throws(HeapError) -> KernelHeap {
    try KernelHeap(named: "no-such-heap")
  }

  // MARK: Use

  @Test
  func everyTypeCanBeNamed_andItsMembersUsed() throws {
    var configuration = HeapSystem.Configuration()
    configuration.poolLimitByteCount = 16 << 20
    configuration.regions = [
      .init(
        name: "camera", byteCount: 1 << 20, heaps: [.init(name: "frames", chunkByteCount: 65536)])
    ]
    let system = try HeapSystem(configuration)
    let heap: Heap = try system.heap(named: "system")
    var frame: Buffer = try heap.allocate(byteCount: 100_000)
    var bytes: MutableRawSpan = frame.mutableBytes
    bytes.storeBytes(of: 7, as: UInt32.self)
    let flags: DescriptorFlags = [.closeOnExec, .readOnly]
    let descriptor: OwnedDescriptor = try frame.exportDescriptor(flags: flags)
    let statistics = system.statistics()
    let camera = Camera(
      system: system, heap: heap, frame: frame, descriptor: descriptor, flags: flags, failure: nil,
      reason: nil, length: ByteCount(100_000), access: .read, statistics: statistics,
      activity: statistics.heaps.first, stock: statistics.pools.first,
      heaps: system.descriptions, configuration: configuration, regions: configuration.regions,
      regionHeap: configuration.regions[0].heaps.first, region: system.descriptions[1].region)
    #expect(camera.region?.freeByteCount == 1 << 20)
    #expect(number(of: camera.descriptor) >= 0)
    #expect(camera.flags.rawValue & DescriptorFlags.closeOnExec.rawValue != 0)
    #expect(camera.length.rawValue == 100_000)
    #expect(camera.activity?.name == camera.heap.name)
    #expect(camera.heaps.contains { $0.name == "system" && $0.absenceReason == nil })
    camera.frame.beginAccess(camera.access)
    let first = camera.frame.withUnsafeBytes { $0[0] }
    camera.frame.endAccess(camera.access)
    #expect(first == 7)
  }

  @Test
  func frames_areSentAndReceived() throws {
    var sockets: [Int32] = [0, 0]
    try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &sockets) == 0)
    let here = OwnedDescriptor(owning: sockets[0])
    let there = OwnedDescriptor(owning: sockets[1])
    let layout = try BufferLayout.nv12(width: 64, height: 4)
    var frame = try HeapSystem().heap(named: "system").allocate(byteCount: layout.byteCount)
    do {
      var chroma = try frame.mutablePlane(1, of: layout)
      try paint(&chroma)
    }
    try frame.send(over: here.rawValue, payload: [9])
    let display = try receive(from: there.rawValue)
    #expect(display.frame.payload == [9])
    let red = try display.frame.plane(1, of: display.layout).row(0, as: Chroma.self)[1].red
    #expect(red == 2)
    #expect(try firstSample(of: display.frame.plane(0, of: display.layout)) == 0)
    #expect(display.luma.stride == 64 && display.failure == nil)
    try display.frame.descriptor.send(over: here.rawValue)
    _ = try ReceivedBuffer(from: there.rawValue)
  }

  @Test
  func memory_isWaitedFor() async throws {
    let heap = try HeapSystem().heap(named: "system")
    let buffer = try await heap.allocate(byteCount: 4096, waitingUpTo: .seconds(1))
    let descriptor = try await heap.allocateDescriptor(byteCount: 4096, waitingUpTo: .seconds(1))
    #expect(buffer.byteCount == 4096)
    #expect(descriptor.rawValue >= 0)
  }

  @Test
  func aDescriptorsNumber_canBeTakenOver() throws {
    let heap = try HeapSystem().heap(named: "system")
    let number: Int32 = try heap.allocateDescriptor(byteCount: 4096).relinquish()
    let owned = OwnedDescriptor(owning: number)
    #expect(owned.rawValue == number)
  }

  @Test
  func anErrorsReason_canBeMatched() throws {
    let heap = try HeapSystem().heap(named: "system")
    do throws(HeapError) {
      _ = try heap.allocateDescriptor(byteCount: 4096, flags: DescriptorFlags(rawValue: 1 << 30))
      Issue.record("unknown flags were taken")
    } catch {
      guard case .invalidRequest(let reason) = error,
        case .unknownDescriptorFlags(let flags) = reason
      else {
        Issue.record("\(error)")
        return
      }
      #expect(flags == 1 << 30)
      #expect(reason == RequestError.unknownDescriptorFlags(1 << 30))
    }
    #expect(throws: HeapError.self) { _ = try openKernelHeap() }
    #expect(!KernelHeap.descriptions().isEmpty)
  }
}
