// SPDX-License-Identifier: MIT

import CTestSupport
import DMAHeaps
import Glibc

/// Memory that a client has, filled with a byte of its own; what holds it goes when this goes.
class Holding {
  /// What every byte of the memory is.
  fileprivate let content: UInt8

  fileprivate init(_ content: UInt8) {
    self.content = content
  }

  /// Whether the memory is as it was left.
  func isIntact() -> Bool { true }
}

/// A buffer, of which descriptors may have been exported and mapped.
final class HeldBuffer: Holding {
  private var buffer: Buffer
  private var mappings: [ClientMapping] = []

  init(_ buffer: consuming Buffer, content: UInt8) {
    self.buffer = buffer
    super.init(content)
    self.buffer.fill(content)
  }

  /// Exports a descriptor, and keeps a mapping of it.
  func share() throws {
    let descriptor = try buffer.exportDescriptor()
    mappings.append(try ClientMapping(descriptor.rawValue, byteCount: buffer.byteCount))
  }

  /// Sends the buffer through a socket pair, and has what arrives.
  func send() throws -> HeldMessage {
    var sockets: [Int32] = [0, 0]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &sockets) == 0 else {
      throw SystemError(number: errno)
    }
    defer { for socket in sockets { close(socket) } }
    try buffer.send(over: sockets[0], payload: [content])
    return HeldMessage(try ReceivedBuffer(from: sockets[1]))
  }

  override func isIntact() -> Bool {
    let isOwn = buffer.withUnsafeBytes { $0.isFilled(content) }
    return isOwn && mappings.allSatisfy { $0.isFilled(content) }
  }
}

/// A buffer that came in a message; its payload is its content.
final class HeldMessage: Holding {
  private let buffer: ReceivedBuffer

  fileprivate init(_ buffer: consuming ReceivedBuffer) {
    let content = buffer.payload.first ?? 0
    self.buffer = buffer
    super.init(content)
  }

  override func isIntact() -> Bool { buffer.withUnsafeBytes { $0.isFilled(content) } }
}

/// What was handed out as a descriptor: a mapping of it, with the descriptor or without.
final class HeldDescriptor: Holding {
  private let descriptor: OwnedDescriptor?
  private let mapping: ClientMapping

  /// - Parameter keepsOpen: whether the descriptor stays open beside the mapping.
  init(_ descriptor: consuming OwnedDescriptor, byteCount: Int, content: UInt8, keepsOpen: Bool)
    throws
  {
    mapping = try ClientMapping(descriptor.rawValue, byteCount: byteCount)
    guard mapping.isZero else { throw StressFailure.notZero }
    self.descriptor = keepsOpen ? consume descriptor : nil
    super.init(content)
    mapping.fill(content)
  }

  override func isIntact() -> Bool { mapping.isFilled(content) }
}

/// Pages in a pipe, whose file nobody has.
final class HeldPages: Holding {
  private var pipes: [Int32] = [0, 0]
  private let byteCount: Int

  /// Splices the start of a file and closes it.
  init(_ descriptor: consuming OwnedDescriptor, byteCount: Int, content: UInt8) throws {
    self.byteCount = min(byteCount, 16384)
    super.init(content)
    do {
      let mapping = try ClientMapping(descriptor.rawValue, byteCount: byteCount)
      guard mapping.isZero else { throw StressFailure.notZero }
      mapping.fill(content)
    }
    guard pipe(&pipes) == 0 else { throw SystemError(number: errno) }
    let count = test_splice(descriptor.rawValue, pipes[1], self.byteCount)
    guard count == self.byteCount else { throw SystemError(number: errno) }
  }

  deinit {
    for pipe in pipes where pipe > 0 { close(pipe) }
  }

  /// Reads what is in the pipe, which is then empty.
  override func isIntact() -> Bool {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    var count = 0
    while count < byteCount {
      let got = bytes.withUnsafeMutableBytes { bytes in
        let rest = bytes[count...]
        return read(pipes[0], UnsafeMutableRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      }
      guard got > 0 else { return false }
      count += got
    }
    return bytes.allSatisfy { $0 == content }
  }
}

/// What a stress finds.
enum StressFailure: Error {
  /// Memory was not zero when it was handed out.
  case notZero
  /// Memory was changed by somebody else.
  case changed(String)
  /// The accounts do not add up.
  case unbalanced
}
