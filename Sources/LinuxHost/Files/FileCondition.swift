// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc

/// What a file was like when it was made, to tell whether a client has changed more than its bytes.
///
/// A client can punch holes, change mode and owner, add extended attributes and flags such as immutable; length,
/// memory beyond the end and seals are sealed. Such a file is not worth mending: its memory goes
/// back to the kernel.
struct FileCondition: Equatable {
  private let length: Int
  private let blocks: Int
  private let mode: mode_t
  private let user: uid_t
  private let group: gid_t
  private let seals: Int32
  private let attributeNamesSize: Int
  private let flags: Int32

  /// - Returns: nil when the file cannot be looked at.
  init?(of file: borrowing CheckedDescriptor) { self.init(descriptor: file.rawValue) }

  /// Whether a file is still like this.
  func holds(of descriptor: Int32) -> Bool { FileCondition(descriptor: descriptor) == self }

  private init?(descriptor: Int32) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { return nil }
    length = status.st_size
    blocks = status.st_blocks
    mode = status.st_mode
    user = status.st_uid
    group = status.st_gid
    seals = shim_fcntl_int(descriptor, SHIM_F_GET_SEALS, 0)
    // Where files of memory have neither, both calls fail each time alike.
    attributeNamesSize = shim_attribute_names_size(descriptor)
    var flags: Int32 = 0
    let result = unsafe shim_ioctl(descriptor, SHIM_FS_IOC_GETFLAGS, &flags)
    self.flags = result == 0 ? flags : -1
  }
}
