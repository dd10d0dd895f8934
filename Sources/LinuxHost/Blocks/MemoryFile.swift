// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc
internal import HeapFramework
internal import PagePools

/// A memfd that is one block: its descriptor, its mapping, and who may have it (H5).
///
/// The descriptor is a second description of the file, opened through `/proc`, because the kernel
/// does not count the one that memfd_create returns, and the count is how we learn that every other
/// one is gone (see ``ReleaseWatcher``).
///
/// A holder of the block changes `mapping` and `length`; the fields below `watch` are guarded by
/// the release watcher's lock.
package final class MemoryFile: @unchecked Sendable {
  let descriptor: OwnedDescriptor
  private var mapping: Mapping?

  /// The file's type and permissions as they were made.
  private let mode: mode_t

  /// The file's length, and how much of the block really has memory: from one page to the size class.
  private(set) var length: PageCount

  private var isPopulated = false

  /// The inotify watch descriptor, negative while the file was never handed out.
  var watch: Int32 = -1

  /// Whether a descriptor was handed out and may still be in use somewhere.
  var isHandedOut = false

  /// The heap that a handed-out file comes back to; it outlives the file.
  unowned(unsafe) var owner: SingleBlockHeap<LinuxHost>?

  /// Whether a buffer of this process uses the memory as well.
  var isHeldByBuffer = false

  /// When the file's lease is to be tried again; only the ``LeaseRetry`` of this deadline counts.
  var retryDeadline: Int64?

  /// Makes a file of `pages` zeroed pages, all of them present, mapped if `isMapped`.
  ///
  /// - Throws: the step that failed; nothing is left behind.
  /// - Context: blocks.
  init(pages: PageCount, isMapped: Bool, faults: FaultPlan?) throws(HostFailure) {
    let byteCount = pages.byteCount
    let created = OwnedDescriptor(
      owning: try attempt(.createFile, byteCount: byteCount, faults: faults) {
        unsafe shim_memfd_create("dmaheap")
      })
    descriptor = try Self.reopen(created, flags: O_RDWR | O_CLOEXEC, faults)
    // Taking a lease makes the kernel signal whoever holds it when the file is opened by others.
    // The default, SIGIO, ends the process; SIGURG is ignored unless the program wants it.
    _ = try attempt(.setLeaseSignal, faults: faults) { [fd = descriptor.rawValue] in
      shim_fcntl_int(fd, SHIM_F_SETSIG, SIGURG)
    }
    var status = stat()
    mode = unsafe fstat(descriptor.rawValue, &status) == 0 ? status.st_mode : 0
    length = .zero
    mapping = nil
    try setLength(pages, faults)
    if isMapped { try map(pages, faults) }
  }

  /// The first byte of the mapping, nil while there is none.
  var mappedBase: UnsafeMutableRawPointer? {
    unsafe mapping?.base
  }

  /// Maps the file, unless it is mapped.
  func map(_ pages: PageCount, _ faults: FaultPlan?) throws(HostFailure) {
    guard mapping == nil else { return }
    mapping = try Mapping(of: descriptor, byteCount: pages.byteCount, faults: faults)
  }

  /// Makes the file exactly `pages` long, giving back or reserving memory at its end.
  ///
  /// - Throws: ENOMEM or ENOSPC when memory cannot be reserved; the length is then as before.
  /// - Context: blocks.
  func setLength(_ pages: PageCount, _ faults: FaultPlan?) throws(HostFailure) {
    guard pages != length else { return }
    let old = length
    let growth = pages.byteCount - old.byteCount
    try truncate(to: pages, faults)
    guard growth > 0 else { return }
    do throws(HostFailure) {
      // Reserved now, so that touching the memory later cannot fail: that would be SIGBUS.
      _ = try attempt(.reserve, byteCount: growth, faults: faults) {
        shim_fallocate(descriptor.rawValue, 0, Int64(old.byteCount), Int64(growth))
      }
    } catch {
      // Cannot fail: it makes the file shorter.
      try? truncate(to: old, nil)
      throw error
    }
  }

  private func truncate(to pages: PageCount, _ faults: FaultPlan?) throws(HostFailure) {
    if pages > length { try FileSizeLimit.check(pages.byteCount) }
    _ = try attempt(.setLength, byteCount: pages.byteCount, faults: faults) {
      ftruncate(descriptor.rawValue, pages.byteCount)
    }
    length = pages
  }

  /// Whether the file is still what it was when it was handed out.
  ///
  /// A client can truncate it, punch holes into it or change its mode. Such a file is not worth
  /// mending: its memory goes back to the kernel.
  var isIntact: Bool {
    var status = stat()
    guard unsafe fstat(descriptor.rawValue, &status) == 0 else { return false }
    return status.st_size == length.byteCount
      && status.st_blocks * 512 >= length.byteCount
      && status.st_mode == mode
  }

  /// Maps all the pages that the mapping has no entries for, as when others were the ones to touch them.
  ///
  /// - Complexity: 3 ms for 32 MiB where touching each page would take 15 ms; once in a file's life.
  func populateMapping() {
    guard !isPopulated, let base = unsafe mappedBase else { return }
    isPopulated = true
    // Where the kernel is too old (before 5.14), the pages are mapped when they are touched.
    unsafe madvise(base, length.byteCount, SHIM_MADV_POPULATE_READ)
  }

  /// Opens another description of the file, as independent of ours as if another process had it.
  func reopen(flags: Int32, _ faults: FaultPlan?) throws(HostFailure) -> OwnedDescriptor {
    try Self.reopen(descriptor, flags: flags, faults)
  }

  private static func reopen(
    _ descriptor: borrowing OwnedDescriptor, flags: Int32, _ faults: FaultPlan?
  ) throws(HostFailure) -> OwnedDescriptor {
    let number = descriptor.rawValue
    return OwnedDescriptor(
      owning: try attempt(.reopen, faults: faults) {
        unsafe withDescriptorPath(number) { path in unsafe shim_open(path, flags) }
      })
  }
}

/// Calls `body` with the path `/proc/self/fd/N`, built without allocating.
func withDescriptorPath<R>(_ descriptor: Int32, _ body: (UnsafePointer<CChar>) -> R) -> R {
  let prefix: StaticString = "/proc/self/fd/"
  return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { path in
    // SAFETY: 14 bytes of prefix, at most 10 digits and a NUL fit into 32.
    unsafe path.baseAddress.unsafelyUnwrapped.withMemoryRebound(to: UInt8.self, capacity: 32) {
      unsafe $0.update(from: prefix.utf8Start, count: prefix.utf8CodeUnitCount)
    }
    var end = prefix.utf8CodeUnitCount
    var divisor: Int32 = 1
    while descriptor / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      unsafe path[end] = CChar(UInt8(ascii: "0") + UInt8(descriptor / divisor % 10))
      end += 1
      divisor /= 10
    }
    unsafe path[end] = 0
    return unsafe body(path.baseAddress.unsafelyUnwrapped)
  }
}
