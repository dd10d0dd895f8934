// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc

/// Knows whether this process is the one that made it, without a system call.
///
/// The mark stands in a page that the kernel clears in a forked child (`MADV_WIPEONFORK`), so it also
/// tells after a bare `clone` that runs no `pthread_atfork` handler.
@safe
package struct ForkGuard: ~Copyable, @unchecked Sendable {
  private let page: UnsafeMutableRawPointer
  fileprivate static var mark: UInt32 { 0x4845_4150 }

  /// - Throws: ENOMEM when there is no page or the kernel does not clear it (before 4.14).
  package init() throws(HostFailure) {
    let address = unsafe mmap(
      nil, Int(getpagesize()), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw HostFailure(.map, errno)
    }
    guard unsafe madvise(address, Int(getpagesize()), SHIM_MADV_WIPEONFORK) == 0 else {
      let errorNumber = errno
      unsafe munmap(address, Int(getpagesize()))
      throw HostFailure(.map, errorNumber)
    }
    unsafe address.storeBytes(of: Self.mark, as: UInt32.self)
    unsafe page = address
  }

  deinit {
    // SAFETY: nobody can ask any more.
    unsafe munmap(page, Int(getpagesize()))
  }

  /// Whether this is a child forked from the process that made the guard.
  ///
  /// - Complexity: one load.
  package var isForkedChild: Bool { view.isForkedChild }

  /// Calls `body`, during which no thread of the process forks.
  ///
  /// - Parameter body: short; what it makes, children have all of it or nothing.
  static func withoutForks<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    // Where there is no memory to be told of forks, nobody waits for anybody.
    let isHeld = shim_hold_forks() == 0
    defer { if isHeld { shim_let_forks() } }
    return try body()
  }

  /// The guard's mark, for those who are outlived by the guard.
  package var view: View { unsafe View(page: page) }

  /// A copyable look at a guard's mark; it must not outlive the guard.
  @safe
  package struct View: @unchecked Sendable, BitwiseCopyable {
    fileprivate let page: UnsafeMutableRawPointer

    /// Whether this is a child forked from the process that made the guard.
    @inline(always)
    package var isForkedChild: Bool {
      // SAFETY: whoever made the view keeps the page mapped. Volatile: the kernel changes it.
      unsafe shim_load_volatile(page) != ForkGuard.mark
    }
  }
}
