// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc

/// Which file a descriptor's number stands for: the file's device and inode.
///
/// A number is no proof of a file. A program may close descriptors that it did not open, as with
/// closefrom(3), and the next open(2) then gets the number for a file of its own.
///
/// Files without an inode of their own (eventfd, inotify, epoll, timerfd) cannot be told from each other,
/// but from all other files.
package struct FileIdentity: Equatable, Sendable, BitwiseCopyable {
  private let device: dev_t
  private let inode: ino_t

  /// Whose file it was when it was looked at; it is the same file when it is another's.
  let owner: uid_t

  /// The file that a descriptor stands for now, nil when it stands for none.
  ///
  /// - Complexity: one fstat(2), 0.2 µs.
  package init?(of descriptor: Int32) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  /// Has forked children close a descriptor of the file.
  ///
  /// - Returns: false when there is no memory to remember it.
  func closeInChild(_ descriptor: Int32) -> Bool {
    shim_close_in_child(descriptor, UInt64(device), UInt64(inode)) == 0
  }

  /// Takes back what ``closeInChild(_:)`` did.
  func keepInChild(_ descriptor: Int32) {
    shim_keep_in_child(descriptor, UInt64(inode))
  }

  /// The file that fstat(2) has described.
  init(_ status: stat) {
    device = status.st_dev
    inode = status.st_ino
    owner = status.st_uid
  }

  package static func == (left: FileIdentity, right: FileIdentity) -> Bool {
    left.inode == right.inode && left.device == right.device
  }
}
