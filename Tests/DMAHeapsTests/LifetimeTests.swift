// SPDX-License-Identifier: MIT

import CLinuxShims
import CTestSupport
import DMAHeaps
import Glibc
import HeapFramework
import LinuxHost
import PagePools
import TestSupport
import Testing

/// H5: memory comes back when the last reference of any kind is gone; not before, and not never.
@Suite(.serialized)
struct LifetimeTests {
  static let sizes = [4096, 12288, 65536, 1 << 20, 5 << 20]

  /// Takes a descriptor, lets `hold` keep the memory in use some other way, closes the descriptor, and sees
  /// that the memory stays out until what `hold` returned is dropped.
  private func expectHeld<Holder: ~Copyable>(
    byteCount: Int, by hold: (borrowing OwnedDescriptor) throws -> Holder,
    release: (consuming Holder) -> Void
  ) throws {
    try withSystem(recycling: .inPlace) { system, heap in
      let watcher = try #require(system.memory.host.watcher)
      let descriptor = try heap.allocateDescriptor(byteCount: byteCount)
      let holder = try hold(descriptor)
      _ = consume descriptor
      // Forces the question that an event would ask; a wrong answer takes the block back at once.
      for _ in 0..<10 {
        watcher.checkEverything()
        #expect(watcher.handedOutCount == 1)
        usleep(1000)
      }
      release(holder)
      #expect(waitUntil { watcher.handedOutCount == 0 }, "the block did not come back")
    }
  }

  @Test(arguments: sizes)
  func close_ofTheOnlyDescriptor_returnsTheBlock(byteCount: Int) throws {
    try withSystem(recycling: .inPlace) { system, heap in
      let descriptor = try heap.allocateDescriptor(byteCount: byteCount)
      #expect(system.memory.host.watcher?.handedOutCount == 1)
      _ = consume descriptor
      #expect(waitUntil { system.memory.host.watcher?.handedOutCount == 0 })
    }
  }

  @Test(arguments: sizes)
  func mapping_keepsTheBlock(byteCount: Int) throws {
    try expectHeld(byteCount: byteCount) {
      try ClientMapping($0.rawValue, byteCount: byteCount)
    } release: { _ in
    }
  }

  @Test
  func readOnlyMappingOfOnePage_keepsTheBlock() throws {
    try expectHeld(byteCount: 1 << 20) {
      try ClientMapping($0.rawValue, byteCount: 4096, offset: 8192, isWritable: false)
    } release: { _ in
    }
  }

  @Test(arguments: sizes)
  func duplicate_keepsTheBlock(byteCount: Int) throws {
    try expectHeld(byteCount: byteCount) {
      OwnedDescriptor(owning: dup($0.rawValue))
    } release: { _ in
    }
  }

  @Test(arguments: [O_RDONLY, O_WRONLY, O_RDWR])
  func reopenedDescription_keepsTheBlock(mode: Int32) throws {
    try expectHeld(byteCount: 1 << 20) {
      OwnedDescriptor(owning: shim_open("/proc/self/fd/\($0.rawValue)", mode | O_CLOEXEC))
    } release: { _ in
    }
  }

  @Test
  func descriptorInFlight_keepsTheBlock() throws {
    var sockets: [Int32] = [0, 0]
    try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &sockets) == 0)
    let sender = OwnedDescriptor(owning: sockets[0])
    let receiver = OwnedDescriptor(owning: sockets[1])
    try expectHeld(byteCount: 1 << 20) {
      // Nobody has the descriptor now but the message.
      try #require(shim_send_descriptor(sender.rawValue, $0.rawValue) == 1)
    } release: { _ in
      let received = shim_receive_descriptor(receiver.rawValue)
      #expect(received >= 0)
      if received >= 0 { _ = OwnedDescriptor(owning: received) }
    }
  }

  @Test
  func messageNeverReceived_returnsTheBlockWithItsSocket() throws {
    try withSystem(recycling: .inPlace) { system, heap in
      var sockets: [Int32] = [0, 0]
      try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &sockets) == 0)
      let descriptor = try heap.allocateDescriptor(byteCount: 1 << 20)
      try #require(shim_send_descriptor(sockets[0], descriptor.rawValue) == 1)
      _ = consume descriptor
      system.memory.host.watcher?.checkEverything()
      #expect(system.memory.host.watcher?.handedOutCount == 1)
      close(sockets[0])
      close(sockets[1])
      #expect(waitUntil { system.memory.host.watcher?.handedOutCount == 0 })
    }
  }

  @Test
  func forkedChild_keepsTheBlock() throws {
    var pipes: [Int32] = [0, 0]
    try #require(pipe(&pipes) == 0)
    var child: Int32 = -1
    try expectHeld(byteCount: 1 << 20) { _ in
      child = test_fork_holder(pipes[0], pipes[1])
      try #require(child > 0)
    } release: { _ in
      close(pipes[1])
      close(pipes[0])
      #expect(test_wait(child) == 0)
    }
  }

  @Test
  func manyHolders_theLastOneCounts() throws {
    try withSystem(recycling: .inPlace) { system, heap in
      let watcher = try #require(system.memory.host.watcher)
      let descriptor = try heap.allocateDescriptor(byteCount: 65536)
      let mapping = try ClientMapping(descriptor.rawValue, byteCount: 65536)
      let reopened = OwnedDescriptor(
        owning: shim_open("/proc/self/fd/\(descriptor.rawValue)", O_RDONLY | O_CLOEXEC))
      let duplicate = OwnedDescriptor(owning: dup(reopened.rawValue))
      _ = consume descriptor
      watcher.checkEverything()
      #expect(watcher.handedOutCount == 1)
      _ = consume mapping
      watcher.checkEverything()
      #expect(watcher.handedOutCount == 1)
      _ = consume reopened
      watcher.checkEverything()
      #expect(watcher.handedOutCount == 1)
      _ = consume duplicate
      #expect(waitUntil { watcher.handedOutCount == 0 })
    }
  }

  @Test(arguments: sizes, [HeapSystem.Recycling.never, .inPlace])
  func exportedBuffer_isShared_andServesNobodyElse(
    byteCount: Int, recycling: HeapSystem.Recycling
  ) throws {
    try withSystem(recycling: recycling) { system, heap in
      var buffer = try heap.allocate(byteCount: byteCount)
      buffer.withUnsafeMutableBytes { bytes in bytes.storeBytes(of: 42, as: UInt8.self) }
      let descriptor = try buffer.exportDescriptor()
      #expect(lseek(descriptor.rawValue, 0, SEEK_END) == byteCount)
      let mapping = try ClientMapping(descriptor.rawValue, byteCount: byteCount)
      // The same memory: what either writes, the other reads.
      #expect(mapping.base.load(as: UInt8.self) == 42)
      mapping.base.storeBytes(of: 43, toByteOffset: 4000, as: UInt8.self)
      let isShared = buffer.withUnsafeBytes { bytes in bytes[4000] == 43 && bytes[0] == 42 }
      #expect(isShared)
      _ = consume buffer
      #expect(system.statistics().inBuffersByteCount == 0)
      #expect(system.statistics().handedOutByteCount >= byteCount)
      // Its receiver has it as before, whatever the heap does now.
      for _ in 0..<4 {
        var other = try heap.allocate(byteCount: byteCount)
        other.fill(9)
      }
      #expect(mapping.base.load(fromByteOffset: 4000, as: UInt8.self) == 43)
      mapping.fill(8)
      let next = try heap.allocate(byteCount: byteCount)
      let isZero = next.isZero
      #expect(isZero)
    }
  }

  @Test
  func exportedBuffer_outlivesItsDescriptors() throws {
    try withSystem { system, heap in
      var buffer = try heap.allocate(byteCount: 1 << 20)
      for _ in 0..<3 {
        let descriptor = try buffer.exportDescriptor()
        _ = consume descriptor
        buffer.withUnsafeMutableBytes { bytes in bytes.storeBytes(of: 7, as: UInt8.self) }
        #expect(system.memory.pools.accounts().inBuffers.byteCount == 1 << 20)
      }
      _ = consume buffer
    }
  }

  @Test
  func thousandsOfDescriptors_allComeBack_whenEventsOverflow() throws {
    // More closes than the queue of events holds (16384): the watcher must notice that it lost some.
    try withSystem(recycling: .inPlace) { system, heap in
      let watcher = try #require(system.memory.host.watcher)
      let descriptor = try heap.allocateDescriptor(byteCount: 4096)
      let other = try heap.allocateDescriptor(byteCount: 4096)
      for round in 0..<20000 {
        // Alternating files, as the kernel merges equal events that follow each other.
        let source = round % 2 == 0 ? descriptor.rawValue : other.rawValue
        let reopened = shim_open("/proc/self/fd/\(source)", O_RDONLY | O_CLOEXEC)
        try #require(reopened >= 0)
        close(reopened)
      }
      _ = consume descriptor
      _ = consume other
      #expect(waitUntil { watcher.handedOutCount == 0 })
    }
  }

  /// A receiver that opens and closes its file without end has the watcher look at it each time, and keeps
  /// nobody else's memory away.
  @Test
  func floodOfOpens_keepsNobodysMemory() throws {
    try withSystem(recycling: .inPlace) { system, heap in
      let watcher = try #require(system.memory.host.watcher)
      let flooded = try heap.allocateDescriptor(byteCount: 4096)
      let number = flooded.rawValue
      let isOver = Gate()
      let flood = TestThread {
        while !isOver.isOpen {
          close(shim_open("/proc/self/fd/\(number)", O_RDONLY | O_CLOEXEC))
        }
      }
      for _ in 0..<50 {
        _ = try heap.allocateDescriptor(byteCount: 65536)
        #expect(waitUntil { watcher.handedOutCount == 1 }, "what was closed does not come back")
      }
      isOver.open()
      flood.join()
      _ = consume flooded
      #expect(waitUntil { watcher.handedOutCount == 0 })
    }
  }

  @Test
  func descriptors_outliveTheirSystem() throws {
    var system: HeapSystem? = try HeapSystem()
    let descriptor = try #require(system).heap(named: "system").allocateDescriptor(
      byteCount: 1 << 20)
    system = nil
    let mapping = try ClientMapping(descriptor.rawValue, byteCount: 1 << 20)
    #expect(mapping.isZero)
    mapping.fill(1)
  }
}
