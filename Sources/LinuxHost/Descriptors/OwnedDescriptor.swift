// SPDX-License-Identifier: MIT

internal import Glibc

/// A file descriptor with one owner, which closes it when it goes away.
///
/// Only the owner should close the number. If others do, it may be another file's by the time the owner closes
/// it once more.
public struct OwnedDescriptor: ~Copyable, Sendable {
  /// The descriptor's number, valid while this value lives and owned by it.
  public let rawValue: Int32

  /// Takes ownership of an open descriptor.
  public init(owning rawValue: Int32) {
    precondition(rawValue >= 0, "not a descriptor")
    self.rawValue = rawValue
  }

  /// Closes the descriptor; one that somebody has closed already is let be.
  ///
  /// A program may close descriptors that it did not open, as with closefrom(3), and must not be ended for it.
  deinit {
    // EINTR is not retried: Linux has closed the descriptor by then.
    close(rawValue)
  }

  /// Gives up ownership: the caller must close the descriptor.
  public consuming func relinquish() -> Int32 {
    let descriptor = rawValue
    discard self
    return descriptor
  }
}
