// SPDX-License-Identifier: MIT

/// State that can be reached only with its lock held.
///
/// Lock and state stand together in memory of their own, at least a pair of cache lines, so that
/// two of them never share a line and the lock never moves. The core uses this in place of
/// `Synchronization.Mutex`, which Embedded Swift does not have.
@safe
public struct Locked<State: ~Copyable, Lock: HostLock & ~Copyable>: ~Copyable {
  @usableFromInline
  struct Cell: ~Copyable {
    @usableFromInline let lock: Lock
    @usableFromInline var state: State

    @inlinable
    init(lock: consuming Lock, state: consuming State) {
      self.lock = lock
      self.state = state
    }
  }

  /// Two lines of 64 bytes: the adjacent-line prefetcher pairs them.
  @usableFromInline static var separation: Int { 128 }

  @usableFromInline let cell: UnsafeMutablePointer<Cell>
  @usableFromInline let memory: UnsafeMutableRawPointer

  /// Guards `state` with a new lock of rank `rank`.
  ///
  /// - Context: allocates; may block.
  @inlinable
  public init(rank: Int = 0, _ state: consuming State) {
    let byteCount = max(MemoryLayout<Cell>.stride, Self.separation)
    unsafe memory = .allocate(byteCount: byteCount, alignment: Self.separation)
    // SAFETY: the memory is fresh, large enough and aligned to more than any type here needs.
    unsafe cell = memory.bindMemory(to: Cell.self, capacity: 1)
    unsafe cell.initialize(to: Cell(lock: Lock(rank: rank), state: state))
  }

  @inlinable
  deinit {
    // SAFETY: `init` initialised the cell, and nobody can hold a lock whose owner is going away.
    unsafe cell.deinitialize(count: 1)
    unsafe memory.deallocate()
  }

  /// Calls `body` with the state, exclusively.
  ///
  /// - Context: takes the lock; `body` must obey the rules of ``HostLock``.
  @inlinable
  public borrowing func withLock<R: ~Copyable, E: Error>(
    _ body: (inout State) throws(E) -> R
  ) throws(E) -> R {
    // SAFETY: the lock is held while the state is borrowed, and the cell lives as long as `self`.
    try unsafe cell.pointee.lock.withLock { () throws(E) -> R in
      try unsafe body(&cell.pointee.state)
    }
  }
}

// Exclusive access through the lock is what makes sharing sound.
extension Locked: @unchecked Sendable where State: ~Copyable, Lock: ~Copyable {}
