// SPDX-License-Identifier: MIT

#if SwiftSystem
import DMAHeaps
import SystemPackage
import Testing

/// Descriptors go to swift-system and come back, with the package trait `SwiftSystem`.
@Suite
struct SwiftSystemTests {
  @Test
  func descriptors_goBothWays() throws {
    let heap = try HeapSystem().heap(named: "system")
    let descriptor = try heap.allocateDescriptor(byteCount: 8192)
    let size = try descriptor.fileDescriptor.seek(offset: 0, from: .end)
    #expect(size == 8192)
    let file: FileDescriptor = descriptor.relinquishFileDescriptor()
    let duplicate = OwnedDescriptor(owning: try file.duplicate())
    try file.close()
    let text = Array("frame".utf8)
    #expect(try duplicate.fileDescriptor.writeAll(toAbsoluteOffset: 0, text) == text.count)
    // Owned means closed when it goes away.
    let number = duplicate.fileDescriptor
    _ = consume duplicate
    #expect(throws: Errno.badFileDescriptor) { try number.seek(offset: 0, from: .current) }
  }
}
#endif
