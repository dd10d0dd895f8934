// SPDX-License-Identifier: MIT
//
// A program that uses the library: this target imports nothing else of the project. What is written down
// here is what a user can write down; a public declaration that is missing from it is to be added.

import DMAHeaps
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
      heaps: system.descriptions, configuration: configuration)
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
