// SPDX-License-Identifier: MIT

import CLinuxShims
import CTestSupport
import DMAHeaps
import Glibc
import HeapFramework
import LinuxHost
import Testing

/// Buffers go to other processes over Unix sockets; nothing that a peer sends leaves a descriptor behind.
@Suite(.serialized)
struct SharingTests {
  static let socketTypes = [SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM].map { Int32($0.rawValue) }

  // MARK: Round trips

  @Test(arguments: socketTypes, [4096, 100_000, 3 << 20])
  func aBuffer_arrivesWithItsPayload(socketType: Int32, byteCount: Int) throws {
    let sockets = try SocketPair(socketType)
    try withSystem { _, heap in
      var buffer = try heap.allocate(byteCount: byteCount)
      buffer.fill(7)
      try buffer.send(over: sockets.first, payload: [1, 2, 3])
      try buffer.send(over: sockets.first)
      var received = try ReceivedBuffer(from: sockets.second)
      let payload = received.payload
      #expect(payload == [1, 2, 3])
      #expect(received.byteCount == buffer.byteCount)
      #expect(received.isWritable == true)
      #expect(shim_fcntl_int(received.descriptor.rawValue, F_GETFD, 0) & FD_CLOEXEC != 0)
      let isWhole = received.withUnsafeBytes { $0.allSatisfy { $0 == 7 } }
      #expect(isWhole)
      // Either sees what the other writes.
      var bytes = received.mutableBytes
      bytes.storeBytes(of: 99, toByteOffset: byteCount - 1, as: UInt8.self)
      let seen = buffer.withUnsafeBytes { $0[byteCount - 1] }
      #expect(seen == 99)
      try received.beginAccess(.read)
      try received.endAccess(.read)
      let second = try ReceivedBuffer(from: sockets.second)
      #expect(second.payload == [])
      let seenBySecond = second.withUnsafeBytes { $0[byteCount - 1] }
      #expect(seenBySecond == 99)
    }
  }

  @Test
  func forReadingAlone_arrivesThatWay() throws {
    let sockets = try SocketPair()
    try withSystem { _, heap in
      var buffer = try heap.allocate(byteCount: 65536)
      buffer.fill(3)
      try buffer.send(over: sockets.first, flags: [.closeOnExec, .readOnly])
      let received = try ReceivedBuffer(from: sockets.second)
      #expect(received.isWritable == false)
      let isWhole = received.withUnsafeBytes { $0.allSatisfy { $0 == 3 } }
      #expect(isWhole)
      #expect(throws: SystemError.self) {
        _ = try ClientMapping(received.descriptor.rawValue, byteCount: 65536)
      }
    }
  }

  @Test
  func writingToWhatIsForReadingAlone_traps() async {
    await #expect(processExitsWith: .failure) {
      let sockets = try SocketPair()
      let heap = try HeapSystem().heap(named: "system")
      let descriptor = try heap.allocateDescriptor(
        byteCount: 4096, flags: [.closeOnExec, .readOnly])
      try descriptor.send(over: sockets.first)
      var received = try ReceivedBuffer(from: sockets.second)
      received.withUnsafeMutableBytes { $0[0] = 1 }
    }
  }

  @Test
  func theLargestPayload_arrives_andOneByteMoreIsRefused() throws {
    let sockets = try SocketPair()
    let file = OwnedDescriptor(owning: test_sealed_memfd(8192, SHIM_F_SEAL_SHRINK))
    let payload = (0..<Buffer.maximumPayloadByteCount).map { UInt8(truncatingIfNeeded: $0) }
    try file.send(over: sockets.first, payload: payload)
    let received = try ReceivedBuffer(from: sockets.second)
    #expect(received.payload == payload)
    #expect(received.byteCount == 8192)
    let failure = TransferFailure.payloadTooLarge(byteCount: 241, limit: 240)
    expectFailure(failure, EMSGSIZE) { () throws(HeapError) in
      try file.send(over: sockets.first, payload: payload + [0])
    }
  }

  /// The memory is the receiver's as long as it wants, wherever the sender is by then (H5).
  @Test
  func theReceiver_keepsTheMemory_evenInAChild() throws {
    let sockets = try SocketPair()
    try withSystem { system, heap in
      var buffer = try heap.allocate(byteCount: 1 << 20)
      buffer.fill(5)
      try buffer.send(over: sockets.first)
      _ = consume buffer
      let received = Holder(try ReceivedBuffer(from: sockets.second))
      let child = test_fork(
        { context in
          guard let context else { return 1 }
          let holder = Unmanaged<Holder>.fromOpaque(context).takeUnretainedValue()
          return holder.readAndWrite() == 5 ? 0 : 2
        }, Unmanaged.passUnretained(received).toOpaque())
      #expect(test_wait(child) == 0)
      #expect(received.readAndWrite() == 6)
    }
  }

  private final class Holder {
    private var buffer: ReceivedBuffer
    init(_ buffer: consuming ReceivedBuffer) { self.buffer = buffer }

    /// The first byte, to which one is added.
    func readAndWrite() -> UInt8 {
      buffer.withUnsafeMutableBytes { bytes in
        defer { bytes[0] += 1 }
        return bytes[0]
      }
    }
  }

  // MARK: What is wrong

  /// A message that nobody should send: its bytes, how many descriptors, and what it is refused with.
  private struct BadMessage {
    var bytes = Self.header(byteCount: 4096)
    var copies: Int32 = 1
    var seals = SHIM_F_SEAL_SHRINK
    let failure: TransferFailure

    static func header(
      _ magic: String = "DMB1", payloadCount: UInt32 = 0, byteCount: UInt64, size: Int = 256
    ) -> [UInt8] {
      var bytes = Array(magic.utf8)
      withUnsafeBytes(of: payloadCount) { bytes += $0 }
      withUnsafeBytes(of: byteCount) { bytes += $0 }
      bytes += [UInt8](repeating: 0, count: max(size - bytes.count, 0))
      return Array(bytes.prefix(size))
    }

    static var all: [BadMessage] {
      [
        BadMessage(copies: 0, failure: .noDescriptor),
        BadMessage(copies: 2, failure: .severalDescriptors(count: 2)),
        BadMessage(copies: 253, failure: .severalDescriptors(count: 253)),
        BadMessage(
          bytes: header(byteCount: 4097),
          failure: .fileTooShort(byteCount: 4096, announcedByteCount: 4097)),
        BadMessage(seals: 0, failure: .notSealed),
        BadMessage(
          bytes: header("RIFF", byteCount: 4096),
          failure: .malformed(reason: "it does not begin with 'DMB1'")),
        BadMessage(
          bytes: header(payloadCount: 241, byteCount: 4096),
          failure: .malformed(reason: "a payload of 241 bytes does not fit")),
        BadMessage(
          bytes: header(byteCount: 0),
          failure: .malformed(reason: "a length of 0 bytes is not possible")),
        BadMessage(
          bytes: header(byteCount: .max),
          failure: .malformed(reason: "a length of \(UInt64.max) bytes is not possible")),
        BadMessage(
          bytes: header(byteCount: 4096, size: 255),
          failure: .malformed(reason: "it has 255 bytes instead of 256")),
        BadMessage(
          bytes: header(byteCount: 4096, size: 257),
          failure: .malformed(reason: "it has more than 256 bytes instead of 256")),
      ]
    }
  }

  @Test
  func badMessages_areRefusedWithAReason_andLeaveNoDescriptor() async {
    await #expect(processExitsWith: .success) {
      let leak = try leakPerRound {
        for message in BadMessage.all {
          let sockets = try SocketPair(Int32(SOCK_SEQPACKET.rawValue))
          let file = OwnedDescriptor(owning: test_sealed_memfd(4096, message.seals))
          let sent = test_send_descriptors(
            sockets.first, message.bytes, UInt(message.bytes.count), file.rawValue, message.copies)
          try #require(sent == message.bytes.count)
          expectFailure(message.failure) { () throws(HeapError) in
            _ = try ReceivedBuffer(from: sockets.second)
          }
        }
      }
      #expect(leak == Possessions())
    }
  }

  /// A socket that tells who is at the other end brings more than descriptors.
  @Test
  func credentials_areNoReasonToRefuse() throws {
    let sockets = try SocketPair()
    var one: Int32 = 1
    try #require(setsockopt(sockets.second, SOL_SOCKET, SO_PASSCRED, &one, 4) == 0)
    let file = OwnedDescriptor(owning: test_sealed_memfd(4096, SHIM_F_SEAL_SHRINK))
    try file.send(over: sockets.first)
    let received = try ReceivedBuffer(from: sockets.second)
    #expect(received.byteCount == 4096)
  }

  @Test
  func aSocketThatDoesNotBlock_saysSo() throws {
    let sockets = try SocketPair(SocketPair.stream | Int32(SOCK_NONBLOCK.rawValue))
    expectFailure(.wouldBlock, EAGAIN) { () throws(HeapError) in
      _ = try ReceivedBuffer(from: sockets.second)
    }
    let file = OwnedDescriptor(owning: test_sealed_memfd(4096, SHIM_F_SEAL_SHRINK))
    var sent = 0
    do throws(HeapError) {
      // Until the socket's buffer is full.
      while sent < 100_000 {
        try file.send(over: sockets.first)
        sent += 1
      }
      Issue.record("a socket has no end")
    } catch {
      #expect(error == .transferFailed(.wouldBlock))
    }
    // Each that was sent is whole.
    for _ in 0..<sent { _ = try ReceivedBuffer(from: sockets.second) }
    expectFailure(.wouldBlock) { () throws(HeapError) in
      _ = try ReceivedBuffer(from: sockets.second)
    }
  }

  @Test
  func aPeerThatIsGone_raisesNoSignal() async {
    await #expect(processExitsWith: .success) {
      for type in [Int32(SOCK_STREAM.rawValue), Int32(SOCK_SEQPACKET.rawValue)] {
        let sockets = try SocketPair(type)
        sockets.closeSecond()
        let heap = try HeapSystem().heap(named: "system")
        var buffer = try heap.allocate(byteCount: 4096)
        do throws(HeapError) {
          try buffer.send(over: sockets.first)
          Issue.record("sent to nobody")
        } catch {
          #expect(error == .transferFailed(.peerClosed))
          #expect(error.errorNumber == EPIPE)
        }
        expectFailure(.endOfStream, ECONNRESET) { () throws(HeapError) in
          _ = try ReceivedBuffer(from: sockets.first)
        }
      }
    }
  }

  @Test
  func noSocket_isNamed() throws {
    let file = OwnedDescriptor(owning: test_sealed_memfd(4096, SHIM_F_SEAL_SHRINK))
    #expect(throws: HeapError.systemCallFailed(name: "sendmsg", errorNumber: ENOTSOCK)) {
      try file.send(over: file.rawValue)
    }
    do throws(HeapError) {
      _ = try ReceivedBuffer(from: file.rawValue)
      Issue.record("received from a file")
    } catch {
      #expect(error == .systemCallFailed(name: "recvmsg", errorNumber: ENOTSOCK))
    }
  }

  /// A receiver without a free number is told of the limit, not of a message without a descriptor.
  @Test
  func theReceiversDescriptorLimit_isNamed() async {
    await #expect(processExitsWith: .success) {
      let sockets = try SocketPair()
      let file = OwnedDescriptor(owning: test_sealed_memfd(4096, SHIM_F_SEAL_SHRINK))
      try file.send(over: sockets.first)
      try file.send(over: sockets.first)
      var soft: UInt64 = 0
      var hard: UInt64 = 0
      try #require(shim_getrlimit(SHIM_RLIMIT_NOFILE, &soft, &hard) == 0)
      try #require(shim_setrlimit(SHIM_RLIMIT_NOFILE, 0, hard) == 0)
      do throws(HeapError) {
        _ = try ReceivedBuffer(from: sockets.second)
        Issue.record("a descriptor was received")
      } catch {
        #expect(error == .limitReached(name: "RLIMIT_NOFILE", value: 0, errorNumber: EMFILE))
      }
      try #require(shim_setrlimit(SHIM_RLIMIT_NOFILE, soft, hard) == 0)
      _ = try ReceivedBuffer(from: sockets.second)
    }
  }
}

/// Two connected sockets, closed with their owner.
final class SocketPair {
  static let stream = Int32(SOCK_STREAM.rawValue)

  let first: Int32
  private(set) var second: Int32

  init(_ type: Int32 = stream) throws {
    var sockets: [Int32] = [0, 0]
    guard socketpair(AF_UNIX, type, 0, &sockets) == 0 else { throw SystemError(number: errno) }
    first = sockets[0]
    second = sockets[1]
  }

  func closeSecond() {
    close(second)
    second = -1
  }

  deinit {
    close(first)
    if second >= 0 { close(second) }
  }
}

/// Expects a transfer to fail.
private func expectFailure(
  _ failure: TransferFailure, _ errorNumber: Int32? = nil, _ body: () throws(HeapError) -> Void
) {
  do throws(HeapError) {
    try body()
    Issue.record("nothing failed where '\(failure)' was expected")
  } catch {
    #expect(error == .transferFailed(failure))
    #expect(errorNumber == nil || error.errorNumber == errorNumber)
    #expect("\(error)".contains("\(failure)"))
  }
}
