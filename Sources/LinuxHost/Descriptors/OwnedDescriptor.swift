// SPDX-License-Identifier: MIT

internal import Glibc

/// A file descriptor with one owner, which closes it when it goes away.
public struct OwnedDescriptor: ~Copyable, Sendable {
  /// The descriptor's number, valid while this value lives and owned by it.
  public let rawValue: Int32

  /// Takes ownership of an open descriptor.
  public init(owning rawValue: Int32) {
    precondition(rawValue >= 0, "not a descriptor")
    self.rawValue = rawValue
  }

  deinit {
    closeOwned(rawValue)
  }

  /// Gives up ownership: the caller must close the descriptor.
  public consuming func relinquish() -> Int32 {
    let descriptor = rawValue
    discard self
    return descriptor
  }
}

/// Closes a descriptor that we own.
///
/// EINTR is not retried: Linux has closed the descriptor by then. EBADF means that somebody else closed
/// ours, and the number may be another file's by now, so going on would destroy foreign data.
private func closeOwned(_ descriptor: Int32) {
  if close(descriptor) != 0 {
    precondition(errno != EBADF, "descriptor \(descriptor) was closed behind its owner's back")
  }
}
