// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc
internal import Synchronization

/// A descriptor of a file that the library made, used only while it still is that file's.
///
/// Whoever truncates, punches, writes, opens or closes what a number stands for must not do it to a file
/// of the program's that got the number after somebody closed ours. Such a descriptor is *lost*: it is left
/// alone, and counted when its owner goes away.
///
/// A check and what follows it are two system calls. Nothing helps against a program that closes our
/// descriptors while other threads use them.
package struct CheckedDescriptor: ~Copyable, Sendable {
  /// The number, for calls that can do no harm to another file.
  package let rawValue: Int32

  /// The file whose descriptor this is; nil when the number was lost before it could be looked at, and for
  /// one that was just made.
  package let identity: FileIdentity?

  /// Whether it was just made, to leave at once: nobody has had the time to close it.
  let isNew: Bool

  /// Takes over the descriptor of a file that was just made.
  package init(_ descriptor: consuming OwnedDescriptor) {
    rawValue = descriptor.relinquish()
    identity = FileIdentity(of: rawValue)
    isNew = false
  }

  /// Makes the descriptor of memory that nobody else has.
  ///
  /// Forked children close it at once, or they would keep the memory, and could write to what the parent hands out
  /// next. No child is forked before that is known.
  ///
  /// Children that are made without fork(3), by clone(2) alone, keep it.
  ///
  /// - Parameters:
  ///   - leavesAtOnce: whether it is given away or closed by whoever makes it. It is then not looked at.
  ///   - make: the call that makes the descriptor; short.
  /// - Throws: what `make` throws; ENOMEM; there is no descriptor then.
  init(
    ofMemory operation: HostOperation, leavesAtOnce: Bool = false,
    make: () throws(HostFailure) -> Int32
  ) throws(HostFailure) {
    guard shim_hold_forks() == 0 else { throw HostFailure(operation, ENOMEM) }
    defer { shim_let_forks() }
    let descriptor = OwnedDescriptor(owning: try make())
    let number = descriptor.rawValue
    let identity = leavesAtOnce ? nil : FileIdentity(of: number)
    let isKnown =
      leavesAtOnce
      ? shim_close_new_in_child(number) == 0 : identity?.closeInChild(number) ?? true
    guard isKnown else { throw HostFailure(operation, ENOMEM) }
    self.identity = identity
    isNew = leavesAtOnce
    rawValue = descriptor.relinquish()
  }

  /// Gives the descriptor away: from now on it is another's, and children inherit it.
  consuming func giveAway() -> OwnedDescriptor {
    let number = rawValue
    if isNew { shim_keep_new_in_child(number) }
    identity?.keepInChild(number)
    discard self
    return OwnedDescriptor(owning: number)
  }

  deinit {
    guard !isNew else { return Self.closeNew(rawValue) }
    if isOurs {
      close(rawValue)
    } else {
      Self.lost.add(1, ordering: .relaxed)
    }
    // Not before: a child forked in between would keep it.
    if let identity { ForkGuard.withoutForks { identity.keepInChild(rawValue) } }
  }

  /// Closes a descriptor that children would close without a look: not once its number may be another file's.
  private static func closeNew(_ number: Int32) {
    ForkGuard.withoutForks {
      shim_keep_new_in_child(number)
      close(number)
    }
  }

  /// Whether the number still stands for the file.
  ///
  /// - Complexity: one fstat(2), 0.2 µs; none for a new one.
  package var isOurs: Bool {
    isNew || identity != nil && FileIdentity(of: rawValue) == identity
  }

  /// Whether we are the user whose file it is: nobody else can open it again.
  var isOurUsers: Bool { isNew || identity?.owner == geteuid() }

  /// The number, for a call that would harm another file.
  ///
  /// - Throws: EBADF when the descriptor is lost.
  package func checked(_ operation: HostOperation) throws(HostFailure) -> Int32 {
    guard isOurs else { throw HostFailure(operation, EBADF) }
    return rawValue
  }

  /// How many descriptors this process has lost so far.
  package static var lostCount: Int { lost.load(ordering: .relaxed) }

  // A number for people; nothing is ordered by it.
  private static let lost = Atomic<Int>(0)
}
