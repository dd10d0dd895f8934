// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc
internal import Synchronization

/// A descriptor of a file of ours that nobody else has, with one owner.
///
/// Children forked from this process close it, so that they neither keep its memory nor can write it. And the
/// program may close any number of its process (closefrom(3)), or have a number refer to another file: what
/// is about to be changed or closed is first looked at, and left alone if it is not ours any more.
struct OwnFile: ~Copyable, Sendable {
  private let number: Int32
  private let device: UInt64
  private let inode: UInt64

  /// Files of ours that were found to be lost.
  private static let lost = Atomic<Int>(0)

  /// Descriptors of ours that somebody else had closed or replaced when they were wanted, since the process
  /// began.
  static var lostCount: Int { lost.load(ordering: .relaxed) }

  /// Takes ownership of a new file.
  ///
  /// - Throws: ENOMEM; the descriptor is then closed.
  init(_ descriptor: consuming OwnedDescriptor) throws(HostFailure) {
    var device: UInt64 = 0
    var inode: UInt64 = 0
    guard unsafe shim_fstat_identity(descriptor.rawValue, &device, &inode) == 0,
      shim_close_in_child(descriptor.rawValue, device, inode) == 0
    else { throw HostFailure(.createFile, errno) }
    number = descriptor.relinquish()
    self.device = device
    self.inode = inode
  }

  deinit {
    shim_keep_in_child(number)
    if isOurs { close(number) }
  }

  /// The descriptor's number, for calls that do no harm to a file that is not ours.
  var rawValue: Int32 { number }

  /// Whether the number still stands for the file; if not, that is counted.
  var isOurs: Bool {
    var device: UInt64 = 0
    var inode: UInt64 = 0
    if unsafe shim_fstat_identity(number, &device, &inode) == 0, device == self.device,
      inode == self.inode
    {
      return true
    }
    Self.lost.add(1, ordering: .relaxed)
    return false
  }

  /// Makes a system call that changes the file.
  ///
  /// - Throws: EBADF if it is not ours any more, without making the call.
  func change(
    _ operation: HostOperation, byteCount: Int = 0, faults: FaultPlan?, _ call: (Int32) -> Int32
  ) throws(HostFailure) {
    guard isOurs else { throw HostFailure(operation, EBADF, byteCount: byteCount) }
    _ = try attempt(operation, byteCount: byteCount, faults: faults) { call(number) }
  }

  /// Gives the descriptor away: from now on it is another's, and children inherit it as that one has it.
  consuming func giveAway() -> OwnedDescriptor {
    let number = number
    shim_keep_in_child(number)
    discard self
    return OwnedDescriptor(owning: number)
  }

  /// Opens another description of the file, as independent of ours as if another process had it.
  ///
  /// - Parameter flags: for open(2).
  func reopen(flags: Int32, _ faults: FaultPlan?) throws(HostFailure) -> OwnedDescriptor {
    guard isOurs else { throw HostFailure(.reopen, EBADF) }
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
