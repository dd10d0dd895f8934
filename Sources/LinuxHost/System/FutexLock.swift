// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import PagePools
internal import Synchronization

/// The host's lock: a word, and no system call where nobody else has it.
///
/// Not the standard library's `Mutex`: up to Swift 6.3 it remembers each thread by the number the kernel knew it by
/// when it first took one, which in a forked child is a thread of the parent's, and ends the process when such a
/// lock is waited for. It also hands the lock from thread to thread in the order they came, so that each of them
/// sleeps. Here who waits takes what is free, and looks for a moment before it sleeps: what is done under the
/// host's locks is shorter than a system call.
///
/// The three states are those of Drepper's "Futexes Are Tricky", mutex 2.
package struct FutexLock: ~Copyable, HostLock {
  private static let free: UInt32 = 0
  private static let held: UInt32 = 1
  private static let heldAndWaitedFor: UInt32 = 2

  /// How often a thread looks before it sleeps: some half a microsecond.
  private static let lookCount = 40

  private let word = Atomic<UInt32>(FutexLock.free)

  package init(rank: Int) {}

  @inline(always)
  package borrowing func withLock<R: ~Copyable, E: Error>(
    _ body: () throws(E) -> R
  ) throws(E) -> R {
    let taken = word.weakCompareExchange(
      expected: Self.free, desired: Self.held, successOrdering: .acquiring,
      failureOrdering: .relaxed
    ).exchanged
    if !taken { wait() }
    defer {
      if word.exchange(Self.free, ordering: .releasing) == Self.heldAndWaitedFor { wake() }
    }
    return try body()
  }

  @inline(never)
  private borrowing func wait() {
    for _ in 0..<Self.lookCount {
      switch word.load(ordering: .relaxed) {
      case Self.free:
        let taken = word.weakCompareExchange(
          expected: Self.free, desired: Self.held, successOrdering: .acquiring,
          failureOrdering: .relaxed
        ).exchanged
        if taken { return }
      case Self.held:
        shim_pause()
      default:
        break
      }
    }
    // Who has slept cannot know whether others still do, and takes the lock as one that is waited for.
    while word.exchange(Self.heldAndWaitedFor, ordering: .acquiring) != Self.free {
      // SAFETY: the word stays where it is while it is borrowed.
      unsafe withUnsafePointer(to: word) { word in
        unsafe shim_futex_wait(
          UnsafeRawPointer(word).assumingMemoryBound(to: UInt32.self), Self.heldAndWaitedFor)
      }
    }
  }

  @inline(never)
  private borrowing func wake() {
    // SAFETY: as above; who is woken may free the lock's memory, which the kernel does not read to wake.
    unsafe withUnsafePointer(to: word) { word in
      unsafe shim_futex_wake_one(UnsafeRawPointer(word).assumingMemoryBound(to: UInt32.self))
    }
  }
}
