// SPDX-License-Identifier: MIT

internal import Glibc

/// Why a buffer could not be sent or received.
public enum TransferFailure: Equatable, Sendable {
  /// The socket does not block, and has no message or no room for one (EAGAIN).
  case wouldBlock
  /// The peer has closed its end; nothing was sent (EPIPE).
  case peerClosed
  /// The peer has closed its end, and all messages were received (ECONNRESET).
  case endOfStream
  /// The payload is too large (EMSGSIZE).
  case payloadTooLarge(byteCount: Int, limit: Int)
  /// The message is none of a buffer (EPROTO).
  case malformed(reason: String)
  /// The message has no descriptor (EPROTO).
  case noDescriptor
  /// The message has more than one descriptor (EPROTO).
  case severalDescriptors(count: Int)
  /// The kernel dropped descriptors of the message, as a security module may ask for (EPROTO).
  case descriptorsDropped
  /// The file is shorter than the message says (EPROTO).
  case fileTooShort(byteCount: Int, announcedByteCount: Int)
  /// The sender could still make the file shorter, and is not trusted (EPERM).
  case notSealed
}

extension TransferFailure: CustomStringConvertible {
  /// One line for people.
  public var description: String {
    switch self {
    case .wouldBlock: "the socket has no message or no room for one just now"
    case .peerClosed: "the peer has closed its end"
    case .endOfStream: "the peer has closed its end; there are no more messages"
    case .payloadTooLarge(let byteCount, let limit):
      "a payload of \(byteCount) bytes is too large, \(limit) fit"
    case .malformed(let reason): "the message is none of a buffer: \(reason)"
    case .noDescriptor: "the message has no descriptor"
    case .severalDescriptors(let count): "the message has \(count) descriptors instead of one"
    case .descriptorsDropped: "the kernel dropped the message's descriptors"
    case .fileTooShort(let byteCount, let announced):
      "the file has \(byteCount) bytes, but the message says \(announced)"
    case .notSealed:
      "the file is not sealed against shrinking (F_SEAL_SHRINK), and the sender is not trusted"
    }
  }

  /// The errno that a C interface returns for the failure.
  public var errorNumber: Int32 {
    switch self {
    case .wouldBlock: EAGAIN
    case .peerClosed: EPIPE
    case .endOfStream: ECONNRESET
    case .payloadTooLarge: EMSGSIZE
    case .malformed, .noDescriptor, .severalDescriptors, .descriptorsDropped, .fileTooShort: EPROTO
    case .notSealed: EPERM
    }
  }
}
