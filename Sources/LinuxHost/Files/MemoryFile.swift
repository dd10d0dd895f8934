// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc
internal import HeapFramework
internal import PagePools

/// A memfd that is one block: memory that can be given to others (H5).
///
/// Its pages are all there from the start, huge ones where there are any, so that touching them cannot
/// fail. Before a descriptor of it leaves the process the file is sealed: it is exactly as long as it
/// says, for ever, so whoever maps it need not fear SIGBUS. Before one leaves that is not for reading and writing,
/// the file's mode lets no other user open it again: a descriptor for reading stays one for reading, except for
/// processes of the same user.
///
/// A holder of the block changes the fields; those below `watch` are guarded by the release watcher's lock.
package final class MemoryFile: @unchecked Sendable {
  /// Nil once the descriptor was given away.
  private var file: CheckedDescriptor?

  private var mapping: Mapping?

  /// The file's length: from one page to the size class.
  private(set) var length: PageCount

  private var isSealed = false

  /// Whether no other user can open the file.
  private var isClosedToOthers = false

  /// What it was like when it was finished, nil for a file that will not be used again.
  private var condition: FileCondition?

  private var isPopulated = false

  /// The inotify watch descriptor, negative while the file was never handed out.
  var watch: Int32 = -1

  /// Whether a descriptor was handed out, to come back, and may still be in use somewhere.
  var isHandedOut = false

  /// The heap that a handed-out file comes back to; it outlives the file.
  unowned(unsafe) var owner: HandOutHeap<LinuxHost>?

  /// Who is told when nobody has the file any more; changed while it is handed out, and by whoever takes it back.
  var release: FileRelease?

  /// When the file's lease is to be tried again; only the ``LeaseRetry`` of this deadline counts.
  var retryDeadline: Int64?

  /// What a file is for.
  enum Purpose {
    /// A buffer of this process, which maps it; it may be shared later.
    case buffer
    /// To be given away later: all is ready for that.
    case handOut
    /// To be given away, or closed, by whoever makes it: it is not for a pool.
    case handOutAtOnce
    /// To be handed out, and to be used again when it is back.
    case recycling
  }

  /// Makes a file of `pages` zeroed pages, all of them present; they must be within the ``FileSizeLimit``, or the
  /// thread take no signals.
  ///
  /// - Throws: the step that failed; nothing is left behind.
  /// - Context: blocks.
  init(_ pages: PageCount, for purpose: Purpose, faults: FaultPlan?) throws(HostFailure) {
    length = pages
    var file = try Self.make(pages, staying: purpose != .handOutAtOnce, faults)
    if purpose == .buffer || pages.byteCount >= HugePages.byteCount {
      try Self.setLength(of: file.rawValue, pages, faults)
      mapping = try Mapping(of: file.rawValue, byteCount: pages.byteCount, faults: faults)
    }
    try unsafe Self.populate(file, mappedBase, pages, faults)
    if purpose != .buffer {
      try Self.seal(file.rawValue, faults)
      isSealed = true
    }
    if purpose == .recycling {
      try Self.closeToOthers(file.rawValue, faults)
      isClosedToOthers = true
      file = try Self.reopenForLeases(file, faults)
      condition = FileCondition(of: file)
    }
    self.file = consume file
    // To be given away it need not stay mapped: nobody here will touch it.
    if purpose == .handOut || purpose == .handOutAtOnce { mapping = nil }
  }

  private static func make(
    _ pages: PageCount, staying: Bool, _ faults: FaultPlan?
  ) throws(HostFailure) -> CheckedDescriptor {
    try CheckedDescriptor(ofMemory: .createFile, leavesAtOnce: !staying) { () throws(HostFailure) in
      try attempt(.createFile, byteCount: pages.byteCount, faults: faults) {
        unsafe shim_memfd_create("dmaheap")
      }
    }
  }

  private static func setLength(
    of number: Int32, _ pages: PageCount, _ faults: FaultPlan?
  ) throws(HostFailure) {
    _ = try attempt(.setLength, byteCount: pages.byteCount, faults: faults) {
      ftruncate(number, pages.byteCount)
    }
  }

  private static func closeToOthers(_ number: Int32, _ faults: FaultPlan?) throws(HostFailure) {
    _ = try attempt(.setMode, faults: faults) { fchmod(number, 0o600) }
  }

  /// Gets the file's memory now: that touching it later found none would be SIGBUS.
  ///
  /// The file becomes as long.
  private static func populate(
    _ file: borrowing CheckedDescriptor, _ address: UnsafeMutableRawPointer?, _ pages: PageCount,
    _ faults: FaultPlan?
  ) throws(HostFailure) {
    if let injected = faults?.errorNumber(.reserve) {
      throw HostFailure(.reserve, injected, byteCount: pages.byteCount)
    }
    var offset = 0
    if let address = unsafe address {
      let huge = pages.byteCount & ~(HugePages.byteCount - 1)
      if huge > 0 { offset = unsafe HugePages.populate(address, huge) }
    }
    let number = file.rawValue
    while offset < pages.byteCount {
      let piece = min(pages.byteCount - offset, reservedAtOnce)
      _ = try attempt(.reserve, byteCount: piece, faults: nil) {
        shim_fallocate(number, 0, Int64(offset), Int64(piece))
      }
      offset += piece
    }
  }

  /// Bytes reserved by one call: before Linux 6.6 a signal makes the kernel undo the whole call, and one that
  /// takes longer than a timer's interval would never end.
  private static let reservedAtOnce = 256 << 10

  private static func seal(_ number: Int32, _ faults: FaultPlan?) throws(HostFailure) {
    _ = try attempt(.seal, faults: faults) {
      shim_fcntl_int(number, SHIM_F_ADD_SEALS, SHIM_SEALS_OF_LENGTH)
    }
  }

  /// Opens another description of a file, as independent of ours as if another process had it.
  private static func reopen(
    _ file: borrowing CheckedDescriptor, flags: Int32, _ faults: FaultPlan?
  ) throws(HostFailure) -> OwnedDescriptor {
    let number = try file.checked(.reopen)
    return OwnedDescriptor(
      owning: try attempt(.reopen, faults: faults) {
        unsafe withDescriptorPath(number) { path in unsafe shim_open(path, flags) }
      })
  }

  /// Opens the file again: the kernel does not count the description that memfd_create returns, and the
  /// count is how we learn that every other one is gone (see ``ReleaseWatcher``).
  private static func reopenForLeases(
    _ file: borrowing CheckedDescriptor, _ faults: FaultPlan?
  ) throws(HostFailure) -> CheckedDescriptor {
    let own = try CheckedDescriptor(ofMemory: .reopen) { () throws(HostFailure) in
      try reopen(file, flags: O_RDWR | O_CLOEXEC, faults).relinquish()
    }
    // Taking a lease makes the kernel signal whoever holds it when the file is opened by others.
    // The default, SIGIO, ends the process; SIGURG is ignored unless the program wants it.
    let number = own.rawValue
    _ = try attempt(.setLeaseSignal, faults: faults) {
      shim_fcntl_int(number, SHIM_F_SETSIG, SIGURG)
    }
    return own
  }
}

// MARK: - Sharing

extension MemoryFile {
  /// Gives the file away: its descriptor, or one that is opened as asked; the block is then to be handed out.
  ///
  /// - Parameter flags: for open(2): an access mode, and O_CLOEXEC or not.
  /// - Throws: EMFILE, ENFILE, ENOMEM; the file is then as it was.
  /// - Complexity: O(1); no system call for `O_RDWR | O_CLOEXEC`.
  func giveAway(flags: Int32, _ faults: FaultPlan?) throws(HostFailure) -> OwnedDescriptor {
    guard flags == O_RDWR | O_CLOEXEC else {
      return try export(pages: length, flags: flags, faults)
    }
    if let injected = faults?.errorNumber(.reopen) { throw HostFailure(.reopen, injected) }
    guard let file = file.take() else { preconditionFailure("a file is given away once") }
    return file.giveAway()
  }

  /// Opens a descriptor for somebody else, of a file that is from now on exactly `pages` long.
  ///
  /// - Throws: EMFILE, ENFILE, ENOMEM, EBADF (closed behind our back).
  /// - Context: system calls: 5 µs, 2 µs more for the first time.
  func export(
    pages: PageCount, flags: Int32, _ faults: FaultPlan?
  ) throws(HostFailure) -> OwnedDescriptor {
    try withFile { (file) throws(HostFailure) in
      if !isSealed {
        if length != pages {
          try Self.setLength(of: file.checked(.setLength), pages, faults)
          length = pages
        }
        try Self.seal(file.checked(.seal), faults)
        isSealed = true
      }
      if !isClosedToOthers, flags & O_ACCMODE != O_RDWR {
        try Self.closeToOthers(file.checked(.setMode), faults)
        isClosedToOthers = true
      }
      // After setuid(2) the file is another user's; the description that we have can still be shared.
      guard canBeReopened || flags & O_ACCMODE != O_RDWR else {
        return try Self.duplicate(file, flags: flags, faults)
      }
      return try Self.reopen(file, flags: flags, faults)
    }
  }

  private static func duplicate(
    _ file: borrowing CheckedDescriptor, flags: Int32, _ faults: FaultPlan?
  ) throws(HostFailure) -> OwnedDescriptor {
    let number = try file.checked(.reopen)
    let command = flags & O_CLOEXEC != 0 ? SHIM_F_DUPFD_CLOEXEC : F_DUPFD
    return OwnedDescriptor(
      owning: try attempt(.reopen, faults: faults) { shim_fcntl_int(number, command, 0) })
  }

  /// Whether we are the user whose file it is: nobody else can open it again.
  var canBeReopened: Bool { file?.isOurUsers == true }

  /// Whether the file may wait for another taker: it was made to stay, and is ours still.
  var canBePooled: Bool { file?.isNew == false }

  private func withFile<R: ~Copyable>(
    _ body: (borrowing CheckedDescriptor) throws(HostFailure) -> R
  ) throws(HostFailure) -> R {
    switch file {
    case .some(let file): try body(file)
    case .none: preconditionFailure("a file that was given away is not used again")
    }
  }

  /// Whether a descriptor left the process: the memory is then for nobody else.
  var isShared: Bool { isSealed }
}

// MARK: - Memory

extension MemoryFile {
  /// The first byte of the mapping, nil while there is none.
  var mappedBase: UnsafeMutableRawPointer? {
    unsafe mapping?.base
  }

  /// Fills a file that is to be used again with zeroes.
  ///
  /// - Returns: false when it is not what it was when it was handed out: it then goes.
  func zero() -> Bool {
    if let condition {
      guard let number = checkedDescriptor, condition.holds(of: number) else { return false }
    }
    if let base = unsafe mappedBase {
      unsafe populateMapping(base)
      unsafe Zeroing.zero(base, length.byteCount)
      return true
    }
    guard let number = checkedDescriptor else { return false }
    return Zeroing.zero(number, length.byteCount)
  }

  /// Maps all the pages that the mapping has no entries for, as when others were the ones to touch them.
  ///
  /// - Complexity: 3 ms for 32 MiB where touching each page would take 15 ms; once in a file's life.
  private func populateMapping(_ base: UnsafeMutableRawPointer) {
    guard !isPopulated else { return }
    isPopulated = true
    // Where the kernel is too old (before 5.14), the pages are mapped when they are touched.
    unsafe madvise(base, length.byteCount, SHIM_MADV_POPULATE_READ)
  }

  /// The descriptor's number while it stands for the file; nil once somebody has closed it.
  var checkedDescriptor: Int32? { file?.isOurs == true ? file?.rawValue : nil }

  /// Which file it is; nil once it was given away.
  var identity: FileIdentity? { file?.identity }

  /// The descriptor's number, for calls that do no harm to another file.
  var number: Int32 { file?.rawValue ?? -1 }
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
