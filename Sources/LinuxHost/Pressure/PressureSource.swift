// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc

/// An open file that tells of memory pressure: a pressure file of the kernel, a FIFO, or a connected socket.
///
/// - Source: systemd docs/PRESSURE.md; linux kernel/sched/psi.c (psi_trigger_poll).
struct PressureSource: ~Copyable, Sendable {
  /// What a wake-up of poll(2) means.
  enum Sign: Equatable {
    /// Memory is short.
    case pressure
    /// Nothing.
    case none
    /// Nothing will ever come again.
    case end
  }

  private enum Kind {
    /// A file of the kernel's, which says POLLPRI and is never read.
    case file
    /// A FIFO; whoever writes anything tells of pressure.
    case fifo
    /// A stream socket, likewise.
    case socket
  }

  private let kind: Kind
  private let path: String
  private var descriptor: CheckedDescriptor

  private init(_ kind: Kind, _ path: String, _ descriptor: consuming OwnedDescriptor) {
    self.kind = kind
    self.path = path
    self.descriptor = CheckedDescriptor(descriptor)
  }

  /// Opens a file and writes its message.
  ///
  /// - Throws: the errno of the step that failed; ENOTSUP for what is neither file nor FIFO nor socket.
  /// - Context: does not block, apart from the file system.
  static func open(
    _ candidate: PressureSettings.Candidate
  ) throws(HostFailure) -> PressureSource {
    let kind = try kind(of: candidate.path)
    let access = candidate.message.isEmpty ? O_RDONLY : O_RDWR
    let source = PressureSource(
      kind, candidate.path,
      kind == .socket
        ? try connect(candidate.path)
        : try open(candidate.path, access | O_CLOEXEC | O_NONBLOCK))
    try source.send(candidate.message)
    return source
  }

  private static func kind(of path: String) throws(HostFailure) -> Kind {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { throw HostFailure(.watchPressure, errno) }
    return switch status.st_mode & S_IFMT {
    case S_IFREG: .file
    case S_IFIFO: .fifo
    case S_IFSOCK: .socket
    default: throw HostFailure(.watchPressure, ENOTSUP)
    }
  }

  private static func connect(_ path: String) throws(HostFailure) -> OwnedDescriptor {
    OwnedDescriptor(
      owning: try attempt(.watchPressure, faults: nil) { unsafe shim_connect_unix(path) })
  }

  private static func open(_ path: String, _ flags: Int32) throws(HostFailure) -> OwnedDescriptor {
    OwnedDescriptor(
      owning: try attempt(.watchPressure, faults: nil) { unsafe shim_open(path, flags) })
  }

  /// The whole message at once: a pressure file takes no parts, and no more than a few bytes are usual.
  private func send(_ message: [UInt8]) throws(HostFailure) {
    guard !message.isEmpty else { return }
    let sent = try attempt(.watchPressure, faults: nil) { [fd = descriptor.rawValue, kind] in
      // A peer that is gone would else send SIGPIPE.
      kind == .socket
        ? unsafe Int32(Glibc.send(fd, message, message.count, Int32(MSG_NOSIGNAL)))
        : unsafe Int32(write(fd, message, message.count))
    }
    guard sent == message.count else { throw HostFailure(.watchPressure, EMSGSIZE) }
  }

  /// What poll(2) is to wait for.
  var request: pollfd {
    pollfd(
      fd: descriptor.rawValue, events: Int16(kind == .file ? POLLPRI : POLLIN), revents: 0)
  }

  /// Finds out what a wake-up means, and makes sure that it does not come again for the same reason.
  mutating func sign(of events: Int16) -> Sign {
    // A program has closed it, and what is ready may be a file of its own.
    guard descriptor.isOurs else { return .end }
    switch kind {
    case .file:
      // The group is gone, or nobody set a threshold: it would be ready for ever.
      if events & Int16(POLLERR | POLLHUP | POLLNVAL) != 0 { return .end }
      return events & Int16(POLLPRI) != 0 ? .pressure : .none
    case .fifo, .socket:
      guard events != 0 else { return .none }
      return discardInput()
    }
  }

  private mutating func discardInput() -> Sign {
    var sign = Sign.none
    // So much at a time that a busy writer cannot keep us here.
    let count = unsafe withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 1) { bytes in
      unsafe read(descriptor.rawValue, bytes.baseAddress, bytes.count)
    }
    if count > 0 { sign = .pressure }
    if count < 0, errno != EAGAIN, errno != EINTR { sign = .end }
    guard count == 0 else { return sign }
    // All who wrote have gone. A socket ends there; a FIFO, opened anew, waits for the next who writes.
    guard kind == .fifo, let again = try? Self.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) else {
      return .end
    }
    descriptor = CheckedDescriptor(again)
    return .none
  }
}
