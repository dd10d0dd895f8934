// SPDX-License-Identifier: MIT

import CHeapChecks
import CLinuxShims
import Glibc

/// A descriptor of a buffer; closed by name, because checks depend on when.
final class DMABuffer {
  private(set) var descriptor: Int32

  /// The bytes asked for, rounded up to chunks where the heap has such; the buffer itself ends on a page.
  let byteCount: Int

  init(owning descriptor: Int32, byteCount: Int) {
    self.descriptor = descriptor
    self.byteCount = byteCount
  }

  deinit {
    close()
  }

  var pages: Int { (byteCount + pageSize - 1) / pageSize }

  func close() {
    if descriptor >= 0 { _ = Glibc.close(descriptor) }
    descriptor = -1
  }

  /// Maps the buffer, or `byteCount` bytes from `offset`; at `place`, if that matters.
  func map(
    protection: Int32 = PROT_READ | PROT_WRITE, flags: Int32 = MAP_SHARED, offset: Int = 0,
    byteCount: Int? = nil, at place: UnsafeMutableRawPointer? = nil
  ) throws(SystemFailure) -> BufferMapping {
    let length = byteCount ?? pages * pageSize - offset
    let flags = place == nil ? flags : flags | MAP_FIXED
    let address = mmap(place, length, protection, flags, descriptor, offset)
    guard let address, address != MAP_FAILED else { throw SystemFailure("mmap") }
    return BufferMapping(base: address, byteCount: length)
  }

  func duplicate() throws(SystemFailure) -> DMABuffer {
    let copy = dup(descriptor)
    if copy < 0 { throw SystemFailure("dup") }
    return DMABuffer(owning: copy, byteCount: byteCount)
  }

  /// Begins or ends access by the CPU.
  func sync(_ flags: UInt64) throws(SystemFailure) {
    var argument = dma_buf_sync(flags: flags)
    if checks_ioctl(descriptor, checks_sync_command, &argument) != 0 {
      throw SystemFailure("sync")
    }
  }

  func setName(_ name: String) throws(SystemFailure) {
    var bytes = Array(name.utf8) + [0]
    let result = bytes.withUnsafeMutableBytes { bytes in
      checks_ioctl(descriptor, checks_set_name_command, bytes.baseAddress)
    }
    if result != 0 { throw SystemFailure("set name") }
  }

  /// Sends a command that has no struct, or a bad one.
  func send(_ command: UInt32, at address: UnsafeMutableRawPointer? = nil) throws(SystemFailure) {
    if checks_ioctl(descriptor, command, address) != 0 { throw SystemFailure("ioctl") }
  }

  func seek(_ offset: Int, _ whence: Int32) throws(SystemFailure) -> Int {
    let result = lseek(descriptor, offset, whence)
    if result < 0 { throw SystemFailure("lseek") }
    return result
  }

  var isCloseOnExec: Bool { shim_fcntl_int(descriptor, F_GETFD, 0) & FD_CLOEXEC != 0 }
  var accessMode: Int32 { shim_fcntl_int(descriptor, F_GETFL, 0) & O_ACCMODE }
}
