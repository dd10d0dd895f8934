// SPDX-License-Identifier: MIT

import CLinuxShims
import CTestSupport
import DMAHeaps
import Glibc
import HeapFramework
import LinuxHost
import PagePools
import Testing

/// H5: what was handed out serves nobody else, whatever its receiver still has of it.
@Suite(.serialized)
struct HandOutTests {
  static let byteCount = 1 << 20

  /// How a receiver keeps pages without having the file.
  enum Hold: String, CaseIterable {
    case sendfile, splice, vmsplice, path, ring, mapping
  }

  /// Something that still has a file's pages: what it reads, and what it writes.
  private struct Holder {
    /// Some of the bytes, nil where they cannot be read.
    let read: () throws -> [UInt8]?
    let write: (UInt8) throws -> Void
    let close: () -> Void
  }

  /// What is sent has left the file by then, and is the receiver's.
  private static let sent = 16384

  private func hold(_ descriptor: Int32, by means: Hold) throws -> Holder? {
    switch means {
    case .sendfile:
      var sockets: [Int32] = [0, 0]
      try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &sockets) == 0)
      try #require(test_sendfile(sockets[0], descriptor, Self.sent) == Self.sent)
      return Self.stream(sockets[1], closing: sockets)
    case .splice, .vmsplice:
      var pipes: [Int32] = [0, 0]
      try #require(pipe(&pipes) == 0)
      try #require(test_set_pipe_size(pipes[0], 1 << 20) >= 0)
      if means == .splice {
        try #require(test_splice(descriptor, pipes[1], Self.sent) == Self.sent)
      } else {
        let mapping = try ClientMapping(descriptor, byteCount: Self.byteCount)
        try #require(test_vmsplice(mapping.base, pipes[1], Self.sent) == Self.sent)
      }
      return Self.stream(pipes[0], closing: pipes)
    case .path:
      let path = test_open_path(descriptor)
      try #require(path >= 0)
      return Holder(
        read: {
          let file = open("/proc/self/fd/\(path)", O_RDWR)
          try #require(file >= 0)
          defer { close(file) }
          var bytes = [UInt8](repeating: 0, count: Self.sent)
          try #require(pread(file, &bytes, Self.sent, 0) == Self.sent)
          return bytes
        },
        write: { value in
          let file = open("/proc/self/fd/\(path)", O_RDWR)
          defer { close(file) }
          let bytes = [UInt8](repeating: value, count: Self.byteCount)
          try #require(pwrite(file, bytes, bytes.count, 0) == bytes.count)
          // Sealed: not even the last holder can make it shorter under somebody's feet.
          #expect(ftruncate(file, 0) == -1)
        }, close: { Glibc.close(path) })
    case .ring:
      let mapping = try ClientMapping(descriptor, byteCount: Self.byteCount)
      let ring = test_ring_register(mapping.base, Self.byteCount)
      if ring < 0, errno == ENOSYS || errno == EPERM { return nil }
      try #require(ring >= 0, "io_uring: \(errno)")
      return Holder(
        read: { nil }, write: { try #require(test_ring_fill(ring, $0, 4096) == 0) },
        close: { Glibc.close(ring) })
    case .mapping:
      let mapping = try ClientMapping(descriptor, byteCount: Self.byteCount)
      return Holder(
        read: { Array(UnsafeRawBufferPointer(start: mapping.base, count: Self.sent)) },
        write: { mapping.fill($0) }, close: { withExtendedLifetime(mapping) {} })
    }
  }

  private static func stream(_ reader: Int32, closing all: [Int32]) -> Holder {
    Holder(
      read: {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: Self.sent)
        while bytes.count < Self.sent {
          let count = Glibc.read(reader, &chunk, Self.sent - bytes.count)
          try #require(count > 0)
          bytes += chunk[..<count]
        }
        return bytes
      }, write: { _ in }, close: { for number in all { Glibc.close(number) } })
  }

  /// The receiver finds what was sent, and nobody finds what it writes.
  @Test(arguments: Hold.allCases, [true, false])
  func pagesThatSomebodyHas_areNobodyElses(means: Hold, isBuffer: Bool) throws {
    try withSystem { system, heap in
      let descriptor: OwnedDescriptor
      if isBuffer {
        var buffer = try heap.allocate(byteCount: Self.byteCount)
        descriptor = try buffer.exportDescriptor()
      } else {
        descriptor = try heap.allocateDescriptor(byteCount: Self.byteCount)
      }
      try ClientMapping(descriptor.rawValue, byteCount: Self.byteCount).fill(0x42)
      guard let holder = try hold(descriptor.rawValue, by: means) else { return }
      defer { holder.close() }
      _ = consume descriptor
      // Everything that could be the same memory is taken, and written.
      var others: [ClientMapping] = []
      for _ in 0..<8 {
        var buffer = try heap.allocate(byteCount: Self.byteCount)
        let isZero = buffer.isZero
        #expect(isZero)
        buffer.fill(0xAA)
        let other = try heap.allocateDescriptor(byteCount: Self.byteCount)
        let mapping = try ClientMapping(other.rawValue, byteCount: Self.byteCount)
        #expect(mapping.isZero)
        others.append(mapping)
      }
      if let bytes = try holder.read() { #expect(bytes.allSatisfy { $0 == 0x42 }) }
      try holder.write(0x66)
      let areZero = others.allSatisfy { $0.isZero }
      #expect(areZero)
      for _ in 0..<8 {
        let buffer = try heap.allocate(byteCount: Self.byteCount)
        let isZero = buffer.isZero
        #expect(isZero)
      }
    }
  }

  /// Of the length that it says, for ever: a receiver can map it without fear of SIGBUS.
  @Test(
    arguments: [4096, 65536, 5 << 20, (2 << 20) + 4096], [HeapSystem.Recycling.never, .inPlace])
  func descriptors_areSealed(byteCount: Int, recycling: HeapSystem.Recycling) throws {
    try withSystem(recycling: recycling) { _, heap in
      var buffer = try heap.allocate(byteCount: byteCount)
      for (descriptor, isRecycled) in [
        (try heap.allocateDescriptor(byteCount: byteCount).relinquish(), true),
        (try buffer.exportDescriptor().relinquish(), false),
      ] {
        defer { close(descriptor) }
        var status = stat()
        #expect(fstat(descriptor, &status) == 0)
        #expect(status.st_size == byteCount)
        // Buffers that were exported are not used again.
        if recycling == .inPlace, isRecycled { #expect(status.st_mode & 0o7777 == 0o600) }
        #expect(test_get_seals(descriptor) & 0xF == 0x7, "F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW")
        #expect(ftruncate(descriptor, byteCount - 4096) == -1)
        #expect(ftruncate(descriptor, byteCount + 4096) == -1)
        #expect(pwrite(descriptor, "x", 1, byteCount) == -1)
        // FALLOC_FL_KEEP_SIZE: memory beyond the end.
        #expect(shim_fallocate(descriptor, 1, Int64(byteCount), 4096) == -1)
        #expect(test_add_seal(descriptor, 0x8) == -1, "F_SEAL_WRITE")
      }
    }
  }

  /// For other users a descriptor for reading stays one.
  @Test func readOnlyDescriptor_cannotBeOpenedForWriting_byOtherUsers() async {
    await #expect(processExitsWith: .success) {
      guard getuid() == 0 else { return }
      let heap = try HeapSystem().heap(named: "system")
      let descriptor = try heap.allocateDescriptor(
        byteCount: 4096, flags: DescriptorFlags(rawValue: UInt32(O_RDONLY) | UInt32(O_CLOEXEC)))
      var number = descriptor.rawValue
      let child = test_fork_as(
        65534,
        { context in
          guard let number = context?.load(as: Int32.self) else { return 1 }
          let writable = open("/proc/self/fd/\(number)", O_RDWR)
          return writable < 0 && errno == EACCES ? 0 : 2
        }, &number)
      #expect(test_wait(child) == 0, "another user can write")
      // Whatever was exported of a buffer before, and the other one that cannot be read.
      var buffer = try heap.allocate(byteCount: 1 << 20)
      _ = try buffer.exportDescriptor()
      for flags in [DescriptorFlags.readOnly, DescriptorFlags(rawValue: UInt32(O_WRONLY))] {
        let exported = try buffer.exportDescriptor(flags: flags)
        var status = stat()
        #expect(fstat(exported.rawValue, &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o600)
      }
    }
  }

  @Test func accessModeThree_isRefused() throws {
    try withSystem { _, heap in
      let flags = DescriptorFlags(rawValue: 3)
      #expect(throws: HeapError.invalidAccessMode(flags: 3)) {
        _ = try heap.allocateDescriptor(byteCount: 4096, flags: flags)
      }
      var buffer = try heap.allocate(byteCount: 4096)
      do throws(HeapError) {
        _ = try buffer.exportDescriptor(flags: flags)
        Issue.record("access mode 3 was taken")
      } catch {
        #expect(error.errorNumber == EINVAL)
      }
    }
  }

  /// More sizes than can have pools, each several times.
  @Test(arguments: [HeapSystem.Recycling.never, .inPlace])
  func manySizes_areServed(recycling: HeapSystem.Recycling) throws {
    try withSystem(recycling: recycling) { _, heap in
      for round in 0..<3 {
        for pages in 1...80 {
          let descriptor = try heap.allocateDescriptor(byteCount: pages * 4096)
          #expect(lseek(descriptor.rawValue, 0, SEEK_END) == pages * 4096, "round \(round)")
          let mapping = try ClientMapping(descriptor.rawValue, byteCount: pages * 4096)
          #expect(mapping.isZero)
          mapping.fill(1)
        }
      }
    }
  }

  /// What is taken again and again is ready the next time, and found without a miss.
  @Test func demand_isFollowed() throws {
    try withSystem { system, heap in
      for _ in 0..<8 { _ = try heap.allocateDescriptor(byteCount: 12288) }
      #expect(waitUntil { system.statistics().pools.contains { $0.memory == "shareable" } })
      let misses = system.statistics().heaps[0].poolMisses
      #expect(misses >= 1)
      _ = try heap.allocateDescriptor(byteCount: 12288)
      #expect(system.statistics().heaps[0].poolMisses == misses)
      #expect(system.statistics().handedOutByteCount == 9 * 12288)
    }
    try withSystem(followsDemand: false) { system, heap in
      for _ in 0..<8 { _ = try heap.allocateDescriptor(byteCount: 12288) }
      usleep(20_000)
      #expect(system.statistics().pooledByteCount == 0)
      #expect(system.statistics().heaps[0].poolMisses == 8)
    }
  }
}
