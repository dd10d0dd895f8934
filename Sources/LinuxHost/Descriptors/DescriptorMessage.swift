// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc

/// Bytes and descriptors that came in one message over a Unix socket (SCM_RIGHTS).
package struct DescriptorMessage: ~Copyable {
  /// How many bytes came; 0 when the peer has closed the connection.
  package let byteCount: Int

  /// Whether the message had more bytes than there was room for.
  package let isTruncated: Bool

  /// Whether the kernel dropped descriptors.
  package let lostDescriptors: Bool

  /// Whether it did so because the process may have no more of them (RLIMIT_NOFILE).
  package let reachedDescriptorLimit: Bool

  /// How many descriptors came; all but the first are closed.
  package let descriptorCount: Int

  private let descriptor: OwnedDescriptor?

  /// Receives one message.
  ///
  /// - Parameters:
  ///   - socket: a Unix socket of any type.
  ///   - bytes: room for the message's bytes.
  /// - Throws: EAGAIN, ENOTSOCK, or what else recvmsg(2) answers.
  /// - Context: blocks, unless the socket does not.
  package init(from socket: Int32, into bytes: inout MutableRawSpan) throws(HostFailure) {
    var descriptors = InlineArray<253, Int32>(repeating: -1)
    var count: Int32 = 0
    var flags: Int32 = 0
    var list = descriptors.mutableSpan
    byteCount = Int(
      try attempt(.receiveMessage, faults: nil) {
        unsafe bytes.withUnsafeMutableBytes { bytes in
          unsafe list.withUnsafeMutableBufferPointer { list in
            // SAFETY: the list has room for SHIM_MOST_DESCRIPTORS, and a message is far below 2 GiB.
            unsafe Int32(
              shim_receive_message(
                socket, bytes.baseAddress, bytes.count, list.baseAddress, &count, &flags))
          }
        }
      })
    isTruncated = flags & Int32(MSG_TRUNC) != 0
    lostDescriptors = flags & Int32(MSG_CTRUNC) != 0
    // Before any is closed, as that would change the answer.
    reachedDescriptorLimit = lostDescriptors && ResourceLimit.descriptorsAreExhausted
    descriptorCount = Int(count)
    for index in 1..<max(descriptorCount, 1) { close(descriptors[index]) }
    descriptor = descriptorCount > 0 ? OwnedDescriptor(owning: descriptors[0]) : nil
  }

  /// The first descriptor that came, close-on-exec.
  package consuming func takeDescriptor() -> OwnedDescriptor? {
    descriptor
  }

  /// Sends bytes with one descriptor as one message; a peer that has gone raises no signal.
  ///
  /// - Throws: EAGAIN, EPIPE, ENOTSOCK, or what else sendmsg(2) answers.
  /// - Context: blocks, unless the socket does not.
  package static func send(
    _ bytes: RawSpan, with descriptor: borrowing OwnedDescriptor, over socket: Int32
  ) throws(HostFailure) {
    _ = try attempt(.sendMessage, faults: nil) { [number = descriptor.rawValue] in
      unsafe bytes.withUnsafeBytes { bytes in
        unsafe Int32(shim_send_message(socket, bytes.baseAddress, bytes.count, number))
      }
    }
  }
}
