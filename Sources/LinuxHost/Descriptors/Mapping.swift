// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc

/// A shared mapping of a file with one owner, which unmaps it when it goes away.
///
/// Mappings are not inherited by forked children (`MADV_DONTFORK`) unless asked for: a child must not
/// reach into the parent's pools, and its copy would keep freed memory alive.
@safe
package struct Mapping: ~Copyable, @unchecked Sendable {
  /// The first byte, page aligned.
  package let base: UnsafeMutableRawPointer

  /// Bytes, a multiple of the page size.
  package let byteCount: Int

  /// Maps the first `byteCount` bytes of a file, readable, and writable unless told otherwise.
  ///
  /// - Parameters:
  ///   - descriptor: the number of a descriptor that is surely the file's.
  ///   - isInherited: whether a forked child has the mapping, too; it then owns and unmaps it.
  /// - Throws: ENOMEM (memory, RLIMIT_AS or vm.max_map_count), EAGAIN; for files of others also EACCES
  ///   (opened for reading alone), EPERM (sealed) and ENODEV.
  /// - Context: blocks.
  package init(
    of descriptor: Int32, byteCount: Int, isWritable: Bool = true,
    isInherited: Bool = false, faults: FaultPlan?
  ) throws(HostFailure) {
    if let injected = faults?.errorNumber(.map) {
      throw HostFailure(.map, injected, byteCount: byteCount)
    }
    let protection = isWritable ? PROT_READ | PROT_WRITE : PROT_READ
    let address = unsafe mmap(nil, byteCount, protection, MAP_SHARED, descriptor, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw HostFailure(.map, errno, byteCount: byteCount)
    }
    unsafe base = address
    self.byteCount = byteCount
    // Cannot fail: the range was just mapped.
    if !isInherited { unsafe madvise(base, byteCount, SHIM_MADV_DONTFORK) }
  }

  deinit {
    // SAFETY: the range is this mapping's alone; whoever used it held the block it belongs to.
    unsafe munmap(base, byteCount)
  }
}
