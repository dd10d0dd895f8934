// SPDX-License-Identifier: MIT

public import HeapFramework
public import LinuxHost

extension Buffer {
  /// The largest payload that goes with a buffer, in bytes.
  public static var maximumPayloadByteCount: Int {
    BufferMessage.byteCount - BufferMessage.headerByteCount
  }

  /// Sends the buffer to another process, which receives it as a ``ReceivedBuffer``.
  ///
  /// The memory is shared from then on: both processes see what either writes. One message carries a
  /// descriptor, the length and the payload.
  ///
  /// - Parameters:
  ///   - socket: a connected Unix socket of any type.
  ///   - payload: what the receiver is told besides, such as a frame's number and format: at most
  ///     ``maximumPayloadByteCount`` bytes.
  ///   - flags: as for ``exportDescriptor(flags:)``; with `.readOnly` the receiver cannot write.
  /// - Throws: ``HeapError``: as ``exportDescriptor(flags:)``, and ``HeapError/transferFailed(_:)`` with EAGAIN
  ///   when the socket does not block, EPIPE when the peer is gone (no signal is raised), EMSGSIZE for the
  ///   payload. Nothing was sent then.
  /// - Context: blocks, unless the socket does not.
  public mutating func send(
    over socket: Int32, payload: [UInt8] = [],
    flags: DescriptorFlags = [.closeOnExec, .readWrite]
  ) throws(HeapError) {
    let message = try BufferMessage(bufferByteCount: byteCount, payload: payload)
    try message.send(with: try exportDescriptor(flags: flags), over: socket)
  }
}

extension OwnedDescriptor {
  /// Sends the memory behind the descriptor to another process, which receives it as a ``ReceivedBuffer``.
  ///
  /// For descriptors of any heap, dma-bufs of the kernel's heaps too. This one stays open.
  ///
  /// - Parameters:
  ///   - socket: a connected Unix socket of any type.
  ///   - payload: at most ``Buffer/maximumPayloadByteCount`` bytes.
  /// - Throws: ``HeapError/transferFailed(_:)`` as ``Buffer/send(over:payload:flags:)``.
  /// - Context: blocks, unless the socket does not.
  public borrowing func send(over socket: Int32, payload: [UInt8] = []) throws(HeapError) {
    let length: Int
    do throws(HostFailure) {
      length = try SharedFile.byteCount(of: rawValue)
    } catch {
      throw HeapError(error)
    }
    try BufferMessage(bufferByteCount: length, payload: payload).send(with: self, over: socket)
  }
}
