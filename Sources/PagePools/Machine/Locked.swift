// SPDX-License-Identifier: MIT

/// State that can be reached only with its lock held.
///
/// Lock and state stand together in memory of their own, at least a pair of cache lines, so that
/// two of them never share a line and the lock never moves. The core uses this in place of
/// `Synchronization.Mutex`, which Embedded Swift does not have.
@safe
public struct Locked<State: ~Copyable, Lock: HostLock & ~Copyable>: ~Copyable {
  /// Two lines of 64 bytes: the adjacent-line prefetcher pairs them.
  @usableFromInline static var separation: Int { 128 }

  // Two pointers rather than one to a pair: an access to a part of a pair counts as one to the pair,
  // so the thread sanitizer would take the state's use for a race with those who wait for the lock.
  @usableFromInline let lock: UnsafeMutablePointer<Lock>
  @usableFromInline let state: UnsafeMutablePointer<State>

  /// Guards `state` with a new lock of rank `rank`.
  ///
  /// - Context: allocates; may block.
  @inlinable
  public init(rank: Int = 0, _ state: consuming State) {
    let alignment = MemoryLayout<State>.alignment
    let offset = (MemoryLayout<Lock>.size + alignment - 1) / alignment * alignment
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: max(offset + MemoryLayout<State>.size, Self.separation),
      alignment: Self.separation)
    // SAFETY: the memory is fresh, large enough and aligned to more than any type here needs, and
    // the state begins behind the lock.
    unsafe lock = memory.bindMemory(to: Lock.self, capacity: 1)
    unsafe lock.initialize(to: Lock(rank: rank))
    unsafe self.state = (memory + offset).bindMemory(to: State.self, capacity: 1)
    unsafe self.state.initialize(to: state)
  }

  @inlinable
  deinit {
    // SAFETY: `init` initialised both, and nobody can hold a lock whose owner is going away.
    unsafe state.deinitialize(count: 1)
    unsafe lock.deinitialize(count: 1)
    unsafe UnsafeMutableRawPointer(lock).deallocate()
  }

  /// Calls `body` with the state, exclusively.
  ///
  /// - Context: takes the lock; `body` must obey the rules of ``HostLock``.
  @inlinable
  public borrowing func withLock<R: ~Copyable, E: Error>(
    _ body: (inout State) throws(E) -> R
  ) throws(E) -> R {
    // SAFETY: the lock is held while the state is borrowed, and both live as long as `self`.
    try unsafe lock.pointee.withLock { () throws(E) -> R in
      try unsafe body(&state.pointee)
    }
  }
}

// Exclusive access through the lock is what makes sharing sound.
extension Locked: @unchecked Sendable where State: ~Copyable, Lock: ~Copyable {}
