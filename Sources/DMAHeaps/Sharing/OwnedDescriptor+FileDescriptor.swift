// SPDX-License-Identifier: MIT

#if SwiftSystem
public import LinuxHost
public import SystemPackage

extension OwnedDescriptor {
  /// Takes ownership of an open descriptor.
  ///
  /// Available with the package trait `SwiftSystem`.
  ///
  /// - Parameter descriptor: not to be closed by anybody else from now on.
  public init(owning descriptor: FileDescriptor) {
    self.init(owning: descriptor.rawValue)
  }

  /// The descriptor, for calls of swift-system; valid while this value lives, and not to be closed.
  ///
  /// Available with the package trait `SwiftSystem`.
  public var fileDescriptor: FileDescriptor { FileDescriptor(rawValue: rawValue) }

  /// Gives up ownership: the caller must close the descriptor.
  ///
  /// Available with the package trait `SwiftSystem`.
  public consuming func relinquishFileDescriptor() -> FileDescriptor {
    FileDescriptor(rawValue: relinquish())
  }
}
#endif
