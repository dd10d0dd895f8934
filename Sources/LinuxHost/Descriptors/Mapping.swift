// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc

/// A shared mapping of a file with one owner, which unmaps it when it goes away.
///
/// Mappings are not inherited by forked children (`MADV_DONTFORK`) unless asked for: a child must not
/// reach into the parent's pools, and its copy would keep freed memory alive.
@safe
package struct Mapping: ~Copyable, @unchecked Sendable {
  /// The first byte, page aligned; from 2 MiB on, aligned to a huge page.
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
    let address = unsafe Self.reserveAligned(byteCount)
    let mapped = unsafe ForkGuard.withoutForks {
      let mapped = unsafe mmap(
        address, byteCount, protection, MAP_SHARED | (address == nil ? 0 : MAP_FIXED), descriptor, 0
      )
      // Cannot fail where there is a mapping.
      if unsafe mapped != MAP_FAILED, !isInherited {
        unsafe madvise(mapped, byteCount, SHIM_MADV_DONTFORK)
      }
      return unsafe mapped
    }
    guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
      let errorNumber = errno
      if let address = unsafe address { unsafe munmap(address, byteCount) }
      throw HostFailure(.map, errorNumber, byteCount: byteCount)
    }
    unsafe base = mapped
    self.byteCount = byteCount
  }

  /// Maps parts of files one behind the other, readable and writable.
  ///
  /// - Parameters:
  ///   - byteCount: of all parts together.
  ///   - fill: ``place(_:offset:_:at:)`` for each part, from the address that it is given on.
  /// - Throws: ENOMEM; what `fill` throws; nothing stays mapped then.
  /// - Context: blocks.
  init(
    byteCount: Int, faults: FaultPlan?,
    fill: (UnsafeMutableRawPointer) throws(HostFailure) -> Void
  ) throws(HostFailure) {
    if let injected = faults?.errorNumber(.map) {
      throw HostFailure(.map, injected, byteCount: byteCount)
    }
    var reserved = unsafe Self.reserveAligned(byteCount)
    if unsafe reserved == nil { unsafe reserved = Self.reserve(byteCount) }
    guard let room = unsafe reserved else {
      throw HostFailure(.map, errno, byteCount: byteCount)
    }
    try ForkGuard.withoutForks { () throws(HostFailure) in
      do throws(HostFailure) {
        try unsafe fill(room)
      } catch {
        unsafe munmap(room, byteCount)
        throw error
      }
      // Cannot fail: the range was just mapped.
      unsafe madvise(room, byteCount, SHIM_MADV_DONTFORK)
    }
    unsafe base = room
    self.byteCount = byteCount
  }

  /// Maps a part of a file over room that was reserved, with the memory that it has.
  static func place(
    _ descriptor: Int32, offset: Int, _ byteCount: Int, at address: UnsafeMutableRawPointer
  ) throws(HostFailure) {
    let mapped = unsafe mmap(
      address, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | SHIM_MAP_POPULATE,
      descriptor,
      offset)
    guard unsafe mapped != MAP_FAILED else {
      throw HostFailure(.map, errno, byteCount: byteCount)
    }
  }

  /// Gives up ownership: the caller must unmap ``byteCount`` bytes.
  consuming func relinquish() -> UnsafeMutableRawPointer {
    let address = unsafe base
    discard self
    return unsafe address
  }

  deinit {
    // SAFETY: the range is this mapping's alone; whoever used it held the block it belongs to.
    unsafe munmap(base, byteCount)
  }

  /// Finds room at any page's boundary.
  private static func reserve(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    let start = unsafe mmap(
      nil, byteCount, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    return unsafe start == MAP_FAILED ? nil : start
  }

  /// Finds room at a huge page's boundary: elsewhere the kernel cannot map by huge pages.
  ///
  /// - Returns: nil for less than a huge page, or if there is no room; any address will do then.
  private static func reserveAligned(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    guard byteCount >= HugePages.byteCount else { return nil }
    let room = byteCount + HugePages.byteCount
    guard let start = unsafe reserve(room) else { return nil }
    let aligned = unsafe start.alignedUp(toMultipleOf: HugePages.byteCount)
    let before = unsafe aligned - start
    let after = unsafe (start + room) - (aligned + byteCount)
    // SAFETY: both ends are of the range just reserved, and outside of what is kept.
    if before > 0 { unsafe munmap(start, before) }
    if after > 0 { unsafe munmap(aligned + byteCount, after) }
    return unsafe aligned
  }
}
