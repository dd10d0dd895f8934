// SPDX-License-Identifier: MIT

import CLinuxShims
import DMAHeaps
import Glibc
import HeapFramework
import LinuxHost
import PagePools
import Testing

/// A program closes all descriptors, the library's too, and opens files of its own under their numbers: those
/// stay as they are, the program lives on, and so do its buffers.
@Suite
struct LostDescriptorTests {
  /// A file of the program's that stands under the number of every descriptor that was open.
  private struct Intruder {
    let number: Int32
    private let usurped: [Int32]
    private static let text = "the program's own"
    private static let byteCount = 1 << 20

    /// - Parameter numbers: descriptors that it takes the place of.
    init(inPlaceOf numbers: [Int32]) throws {
      number = shim_memfd_create("theirs")
      usurped = numbers
      try #require(ftruncate(number, Self.byteCount) == 0)
      try #require(pwrite(number, Self.text, Self.text.utf8.count, 0) == Self.text.utf8.count)
      try #require(shim_fallocate(number, 0, 0, Int64(Self.byteCount)) == 0)
      for other in numbers { try #require(dup2(number, other) == other) }
    }

    /// Whether the file has its length, its memory and its text, and is open under all its numbers.
    var isUntouched: Bool {
      var status = stat()
      var bytes = [UInt8](repeating: 0, count: Self.text.utf8.count)
      guard fstat(number, &status) == 0, status.st_size == Self.byteCount,
        status.st_blocks * 512 >= Self.byteCount,
        pread(number, &bytes, bytes.count, 0) == bytes.count
      else { return false }
      return String(decoding: bytes, as: UTF8.self) == Self.text
        && usurped.allSatisfy { FileIdentity(of: $0) == FileIdentity(of: number) }
    }
  }

  /// Descriptors that the runtime has some of, too.
  private static func events() throws -> Set<Int32> {
    try openDescriptors(of: "anon_inode:[eventfd]")
  }

  /// The descriptors that are the library's: its memfds, and what its watchers wait for.
  ///
  /// - Parameter others: the events there were before there was a system.
  private static func libraryNumbers(otherThan others: Set<Int32>) throws -> Set<Int32> {
    try openDescriptors(of: "memfd:dmaheap").union(openDescriptors(of: "anon_inode:inotify"))
      .union(events().subtracting(others))
  }

  @Test(arguments: [true, false], [true, false])
  func everythingClosed_theProgramLivesOn(isUsurped: Bool, isRecycling: Bool) async {
    await #expect(processExitsWith: .success) { [isUsurped, isRecycling] in
      // What the runtime opens when it first waits is not to be taken for the library's.
      try await Task.sleep(for: .milliseconds(1))
      let before = try Self.events()
      var configuration = HeapSystem.Configuration()
      configuration.recycling = isRecycling ? .inPlace : .never
      // Only what is asked for is made ready, so that it can be waited for.
      configuration.followsDemand = false
      let system = try HeapSystem(configuration)
      let heap = try system.heap(named: "system")
      // One of each: slots and a file in use, exported, handed out, and in the pools.
      var small = try heap.allocate(byteCount: 4096)
      var large = try heap.allocate(byteCount: 3 << 20)
      small.fill(1)
      large.fill(2)
      var exported = try heap.allocate(byteCount: 1 << 20)
      let first = try exported.exportDescriptor()
      let second = try heap.allocateDescriptor(byteCount: 40960)
      for byteCount in [8192, 1 << 20, 5 << 20] { _ = try heap.allocate(byteCount: byteCount) }
      try heap.keepReady(low: 2, high: 2, byteCount: 65536, for: .descriptors)
      // A file that is just being made when its number is closed is past help: everything is at rest first.
      #expect(
        waitUntil {
          let statistics = system.statistics()
          return statistics.waitingByteCount + statistics.freeingByteCount == 0
            && statistics.pools.contains { $0.memory == "shareable" && $0.blockCount == 2 }
        }, "nothing is ready, or not all is free")

      let lost = try Self.libraryNumbers(otherThan: before)
        .filter { $0 != first.rawValue && $0 != second.rawValue }
      #expect(lost.count >= 4, "the library has few descriptors")
      let intruder: Intruder?
      if isUsurped {
        intruder = try Intruder(inPlaceOf: Array(lost))
      } else {
        for number in lost { close(number) }
        intruder = nil
      }

      // What is mapped can be used, and new buffers can be had.
      for byteCount in [4096, 1 << 20, 5 << 20, 6 << 20] {
        var buffer = try heap.allocate(byteCount: byteCount)
        let isZero = buffer.isZero
        #expect(isZero, "a new buffer is not zero")
        buffer.fill(3)
      }
      small.fill(4)
      large.fill(5)
      // What needs a lost descriptor says so.
      #expect(throws: HeapError.self) { _ = try exported.exportDescriptor() }
      if isRecycling {
        #expect(throws: HeapError.self) { _ = try heap.allocateDescriptor(byteCount: 1 << 20) }
      } else {
        // One that was ready is lost, and not handed out.
        for byteCount in [65536, 1 << 20] {
          let descriptor = try heap.allocateDescriptor(byteCount: byteCount)
          #expect(lseek(descriptor.rawValue, 0, SEEK_END) == byteCount)
          let mapping = try ClientMapping(descriptor.rawValue, byteCount: byteCount)
          #expect(mapping.isZero)
        }
      }
      _ = consume small
      _ = consume large
      _ = consume exported
      _ = consume first
      _ = consume second
      #expect(
        waitUntil { system.statistics().inBuffersByteCount == 0 }, "memory stays in buffers")
      try heap.keepReady(low: 0, high: 0, byteCount: 65536, for: .descriptors)
      #expect(
        waitUntil {
          system.reclaim()
          return system.statistics().takenByteCount == 0
        }, "memory stays taken")
      #expect(system.statistics().lostDescriptors > 0, "no loss was counted")
      #expect(system.memory.pools.checkInvariants() == PageAccounts())
      if let intruder { #expect(intruder.isUntouched) }
    }
  }

  /// The system's end needs none of what was lost, either.
  @Test
  func everythingClosed_theSystemEnds() async {
    await #expect(processExitsWith: .success) {
      // What the runtime opens when it first waits is not to be taken for the library's.
      try await Task.sleep(for: .milliseconds(1))
      let before = try Self.events()
      var system: HeapSystem? = try HeapSystem()
      _ = try system?.heap(named: "system").allocate(byteCount: 1 << 20)
      usleep(50_000)
      let lost = try Self.libraryNumbers(otherThan: before)
      let intruder = try Intruder(inPlaceOf: Array(lost))
      system = nil
      #expect(intruder.isUntouched)
      // What would wake the thread that waits for signs of pressure is still that thread's.
      #expect((lost.count - 1...lost.count).contains(CheckedDescriptor.lostCount))
    }
  }
}
