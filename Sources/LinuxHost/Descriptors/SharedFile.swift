// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc

/// What can be known of a file that somebody else made.
package enum SharedFile {
  /// The file's length in bytes.
  ///
  /// - Throws: what fstat(2) answers.
  package static func byteCount(of file: Int32) throws(HostFailure) -> Int {
    var status = stat()
    guard unsafe fstat(file, &status) == 0 else { throw HostFailure(.examineFile, errno) }
    return status.st_size
  }

  /// Whether the file may become shorter, so that touching what is lost ends the process (SIGBUS).
  ///
  /// Files that are sealed against it (F_SEAL_SHRINK) do not, and dma-bufs never do.
  package static func canShrink(_ file: borrowing OwnedDescriptor) -> Bool {
    guard !isDMABuffer(file) else { return false }
    // -1 where there are no seals.
    let seals = shim_fcntl_int(file.rawValue, SHIM_F_GET_SEALS, 0)
    return seals < 0 || seals & SHIM_F_SEAL_SHRINK == 0
  }

  /// Whether the descriptor is a dma-buf's.
  package static func isDMABuffer(_ file: borrowing OwnedDescriptor) -> Bool {
    shim_file_system_type(file.rawValue) == Int64(SHIM_DMA_BUF_MAGIC)
  }

  /// Whether the descriptor was opened for writing, too, which mapping the file for writing needs.
  package static func isWritable(_ file: borrowing OwnedDescriptor) -> Bool {
    shim_fcntl_int(file.rawValue, F_GETFL, 0) & O_ACCMODE == O_RDWR
  }
}
