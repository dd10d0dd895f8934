// SPDX-License-Identifier: MIT

internal import Glibc
internal import LinuxHost

/// The message that carries a buffer: 256 bytes, and one descriptor beside them (SCM_RIGHTS).
///
/// | offset | bytes | |
/// |---|---|---|
/// | 0 | 4 | `DMB1` |
/// | 4 | 4 | bytes of payload, 0 to 240 |
/// | 8 | 8 | the buffer's length in bytes |
/// | 16 | 240 | payload, then zeroes |
///
/// Numbers are in the machine's byte order, as both ends are on it. Always of one size, so that a receiver
/// takes one message out of a stream and no byte of what follows.
struct BufferMessage {
  static let byteCount = 256
  static let headerByteCount = 16
  static let magic = UInt32(littleEndian: 0x3142_4D44)

  let bufferByteCount: Int
  let payload: [UInt8]

  typealias Bytes = InlineArray<256, UInt8>

  /// - Throws: ``TransferFailure/payloadTooLarge(byteCount:limit:)`` (EMSGSIZE).
  init(bufferByteCount: Int, payload: [UInt8]) throws(HeapError) {
    let limit = Self.byteCount - Self.headerByteCount
    guard payload.count <= limit else {
      throw .transferFailed(.payloadTooLarge(byteCount: payload.count, limit: limit))
    }
    self.bufferByteCount = bufferByteCount
    self.payload = payload
  }

  /// Sends the message with a descriptor.
  ///
  /// - Context: blocks, unless the socket does not.
  func send(with descriptor: borrowing OwnedDescriptor, over socket: Int32) throws(HeapError) {
    var bytes = Bytes(repeating: 0)
    for (index, byte) in payload.enumerated() { bytes[Self.headerByteCount + index] = byte }
    do {
      var list = bytes.mutableSpan
      // SAFETY: every pattern of bits is a byte.
      var header = unsafe list.mutableBytes
      header.storeBytes(of: Self.magic, toByteOffset: 0, as: UInt32.self)
      header.storeBytes(of: UInt32(payload.count), toByteOffset: 4, as: UInt32.self)
      header.storeBytes(of: UInt64(bufferByteCount), toByteOffset: 8, as: UInt64.self)
    }
    do throws(HostFailure) {
      // SAFETY: bytes have no padding.
      try DescriptorMessage.send(unsafe bytes.span.bytes, with: descriptor, over: socket)
    } catch {
      throw HeapError(transfer: error)
    }
  }

  /// Decodes the bytes of a message.
  ///
  /// - Throws: ``TransferFailure/malformed(reason:)`` (EPROTO).
  init(decoding bytes: Bytes) throws(HeapError) {
    // SAFETY: a byte has no padding.
    let header = unsafe bytes.span.bytes
    // SAFETY: every pattern of bits is a number.
    guard unsafe header.unsafeLoad(fromByteOffset: 0, as: UInt32.self) == Self.magic else {
      throw .transferFailed(.malformed(reason: "it does not begin with 'DMB1'"))
    }
    // SAFETY: likewise.
    let payloadCount = Int(unsafe header.unsafeLoad(fromByteOffset: 4, as: UInt32.self))
    guard payloadCount <= Self.byteCount - Self.headerByteCount else {
      throw .transferFailed(.malformed(reason: "a payload of \(payloadCount) bytes does not fit"))
    }
    // SAFETY: likewise.
    let length = unsafe header.unsafeLoad(fromByteOffset: 8, as: UInt64.self)
    guard length > 0, let bufferByteCount = Int(exactly: length) else {
      throw .transferFailed(.malformed(reason: "a length of \(length) bytes is not possible"))
    }
    self.bufferByteCount = bufferByteCount
    payload = (0..<payloadCount).map { bytes[Self.headerByteCount + $0] }
  }

  /// Receives a message's bytes and the descriptor that came with it.
  ///
  /// Whatever is wrong with a message, all of its descriptors are closed.
  ///
  /// - Context: blocks, unless the socket does not.
  static func receive(
    from socket: Int32, into bytes: inout Bytes
  ) throws(HeapError) -> OwnedDescriptor {
    let message: DescriptorMessage
    do throws(HostFailure) {
      var list = bytes.mutableSpan
      // SAFETY: every pattern of bits is a byte.
      var room = unsafe list.mutableBytes
      message = try DescriptorMessage(from: socket, into: &room)
    } catch {
      throw HeapError(transfer: error)
    }
    if message.reachedDescriptorLimit { throw HeapError(HostFailure(.receiveMessage, EMFILE)) }
    if message.lostDescriptors { throw .transferFailed(.descriptorsDropped) }
    if message.byteCount == 0, message.descriptorCount == 0 {
      throw .transferFailed(.endOfStream)
    }
    guard message.descriptorCount <= 1 else {
      throw .transferFailed(.severalDescriptors(count: message.descriptorCount))
    }
    guard message.byteCount == byteCount, !message.isTruncated else {
      let length = message.isTruncated ? "more than \(byteCount)" : "\(message.byteCount)"
      throw .transferFailed(.malformed(reason: "it has \(length) bytes instead of \(byteCount)"))
    }
    guard let descriptor = message.takeDescriptor() else { throw .transferFailed(.noDescriptor) }
    return descriptor
  }
}

extension HeapError {
  /// A failed call on a socket: what that means for a transfer, or the call and its errno.
  fileprivate init(transfer failure: HostFailure) {
    switch failure.errorNumber {
    case EAGAIN: self = .transferFailed(.wouldBlock)
    case EPIPE: self = .transferFailed(.peerClosed)
    default: self.init(failure)
    }
  }
}
