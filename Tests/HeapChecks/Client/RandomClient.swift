// SPDX-License-Identifier: MIT

import CLinuxShims
import Glibc
import TestSupport

/// A client that does what clients do, in random order: allocates, looks, writes, keeps buffers by
/// all kinds of references, and frees.
///
/// Whatever it allocates must be zero, and what it wrote must be there as long as it has the buffer.
struct RandomClient {
  /// What keeps a buffer alive.
  private enum Hold {
    case descriptor(DMABuffer)
    case mapping(BufferMapping)
    /// In a message that waits in this socket.
    case message(Int32, byteCount: Int)
  }

  private struct Live {
    var hold: Hold
    /// What was written, nil when nothing was.
    var pattern: UInt64?
  }

  private let node: HeapNode
  private var random: SeededGenerator
  private let largestPages: Int
  private let mayRunShort: Bool
  private var live: [Live] = []
  private(set) var allocations = 0

  /// - Parameters:
  ///   - budget: bytes that may be live at once.
  ///   - mayRunShort: whether others leave so little, or in such pieces, that an allocation may fail; one of a
  ///     page may not, when the client has nothing.
  init(node: HeapNode, seed: UInt64, budget: Int, mayRunShort: Bool = false) {
    self.node = node
    self.mayRunShort = mayRunShort
    random = SeededGenerator(seed: seed)
    largestPages = max(1, min(budget / 8, node.largestShared) / pageSize)
  }

  /// Does one thing.
  mutating func step() throws {
    if live.count < 8, live.isEmpty || random.oneIn(2) {
      try allocate()
    } else {
      let index = random.below(live.count)
      if random.oneIn(2) {
        try free(index)
      } else {
        try change(index)
      }
    }
  }

  /// Frees everything.
  mutating func finish() throws {
    while !live.isEmpty { try free(live.count - 1) }
  }

  private mutating func allocate() throws {
    // Every magnitude is as likely as the next; whole blocks and their neighbours come up often.
    var limit = 1
    while limit < largestPages, !random.oneIn(8) { limit *= 2 }
    limit = min(limit, largestPages)
    let wanted = random.oneIn(2) ? limit : 1 + random.below(limit)
    let buffer = try allocate(wanted)
    let pages = buffer.byteCount / pageSize
    allocations += 1
    let mapping = try buffer.map(protection: PROT_READ)
    try mapping.requireZero("new buffer of \(pages) pages")
    try mapping.unmap()
    live.append(Live(hold: .descriptor(buffer)))
    if !random.oneIn(4) { try change(live.count - 1) }
  }

  private mutating func allocate(_ pages: Int) throws -> DMABuffer {
    do throws(SystemFailure) {
      return try node.allocate(pages * pageSize)
    } catch {
      guard mayRunShort, error.errorNumber == ENOMEM else { throw error }
    }
    try finish()
    return try node.allocate(pageSize)
  }

  /// Writes to a buffer, or holds it in another way.
  private mutating func change(_ index: Int) throws {
    try verify(index)
    guard case .descriptor(let buffer) = live[index].hold else { return }
    switch random.below(6) {
    case 0:
      let copy = try buffer.duplicate()
      buffer.close()
      live[index].hold = .descriptor(copy)
    case 1:
      live[index].hold = .mapping(try buffer.map(protection: PROT_READ))
      buffer.close()
    case 2:
      live[index].hold = try send(buffer)
    default:
      let mapping = try buffer.map()
      let pattern = random.next()
      mapping.fill(pattern)
      try mapping.unmap()
      live[index].pattern = pattern
    }
  }

  private func send(_ buffer: DMABuffer) throws -> Hold {
    var ends: [Int32] = [-1, -1]
    if socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) != 0 {
      throw SystemFailure("socketpair")
    }
    if shim_send_descriptor(ends[0], buffer.descriptor) != 1 { throw SystemFailure("sendmsg") }
    close(ends[0])
    buffer.close()
    return .message(ends[1], byteCount: buffer.byteCount)
  }

  private mutating func verify(_ index: Int) throws {
    if case .message(let socket, let byteCount) = live[index].hold {
      let descriptor = shim_receive_descriptor(socket)
      if descriptor < 0 { throw SystemFailure("recvmsg") }
      close(socket)
      live[index].hold = .descriptor(DMABuffer(owning: descriptor, byteCount: byteCount))
    }
    switch live[index].hold {
    case .mapping(let mapping):
      try verify(mapping, live[index].pattern)
    case .descriptor(let buffer):
      let mapping = try buffer.map(protection: PROT_READ)
      try verify(mapping, live[index].pattern)
      try mapping.unmap()
    case .message:
      break
    }
  }

  private func verify(_ mapping: BufferMapping, _ pattern: UInt64?) throws(CheckFailure) {
    guard let pattern else { return try mapping.requireZero("buffer that was not written") }
    try mapping.requirePattern(pattern, "buffer that was written")
  }

  private mutating func free(_ index: Int) throws {
    // A message is freed unread, now and then.
    if case .message(let socket, _) = live[index].hold, random.oneIn(2) {
      close(socket)
      live.remove(at: index)
      return
    }
    try verify(index)
    let freed = live.remove(at: index)
    switch freed.hold {
    case .descriptor(let buffer): buffer.close()
    case .mapping(let mapping): try mapping.unmap()
    case .message: break
    }
  }
}
