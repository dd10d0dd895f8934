// SPDX-License-Identifier: MIT

/// The pools in round-robin order (P5), guarded by the set's list lock.
///
/// A doubly linked list through an array of entries, one for each pool there can be: links are indices.
/// Nothing is allocated after `init`, so it can be changed under a spinlock.
@usableFromInline
struct PoolList: ~Copyable {
  @usableFromInline
  enum State {
    case free
    case listed
    /// Off the list, but its blocks are not released yet.
    case leaving
  }

  @usableFromInline
  struct Entry {
    @usableFromInline var state = State.free
    @usableFromInline var previous: Int?
    @usableFromInline var next: Int?
    /// Steps of shrinkers and the refill worker that have picked this pool and are not done with it.
    @usableFromInline var pins = 0

    @inlinable
    init() {}
  }

  @usableFromInline var entries: StableArray<Entry>
  @usableFromInline var first: Int?
  @usableFromInline var last: Int?
  @usableFromInline var count = 0

  @inlinable
  init(capacity: Int) {
    entries = StableArray(count: capacity) { _ in Entry() }
  }

  /// Adds a pool at the end.
  ///
  /// - Returns: nil when all entries are taken.
  /// - Complexity: O(capacity).
  @inlinable
  mutating func add() -> PoolID? {
    for index in 0..<entries.count where entries[index].state == .free {
      entries[index].state = .listed
      append(index)
      return PoolID(index: index)
    }
    return nil
  }

  /// Takes a pool off the list; its entry stays taken until ``forget(_:)``.
  ///
  /// - Returns: false when the pool is not on the list.
  @inlinable
  mutating func remove(_ pool: PoolID) -> Bool {
    guard contains(pool) else { return false }
    unlink(pool.index)
    entries[pool.index].state = .leaving
    return true
  }

  /// Makes a removed pool's entry free for another.
  @inlinable
  mutating func forget(_ pool: PoolID) {
    entries[pool.index] = Entry()
  }

  @inlinable
  func contains(_ pool: PoolID) -> Bool {
    pool.index >= 0 && pool.index < entries.count && entries[pool.index].state == .listed
  }

  /// Whether a pool has an entry, also while it is being destroyed.
  @inlinable
  func isTaken(_ index: Int) -> Bool { entries[index].state != .free }

  /// Picks the first pool that has what a shrinker step wants, pins it and moves it to the end, as all
  /// before it.
  ///
  /// - Returns: nil when no pool has.
  /// - Complexity: O(pools).
  @inlinable
  mutating func pickNext(where isWanted: (PoolID) -> Bool) -> PoolID? {
    for _ in 0..<count {
      guard let index = first else { return nil }
      unlink(index)
      append(index)
      let pool = PoolID(index: index)
      guard isWanted(pool) else { continue }
      entries[index].pins += 1
      return pool
    }
    return nil
  }

  /// Pins a pool, so that its destruction waits.
  ///
  /// - Returns: false when the pool is not on the list.
  @inlinable
  mutating func pin(_ pool: PoolID) -> Bool {
    guard contains(pool) else { return false }
    entries[pool.index].pins += 1
    return true
  }

  /// Ends a step.
  @inlinable
  mutating func unpin(_ pool: PoolID) {
    entries[pool.index].pins -= 1
  }

  /// Whether a step uses the pool.
  @inlinable
  func isPinned(_ pool: PoolID) -> Bool {
    entries[pool.index].pins > 0
  }

  @inlinable
  mutating func append(_ index: Int) {
    entries[index].previous = last
    entries[index].next = nil
    if let last { entries[last].next = index } else { first = index }
    last = index
    count += 1
  }

  @inlinable
  mutating func unlink(_ index: Int) {
    let previous = entries[index].previous
    let next = entries[index].next
    if let previous { entries[previous].next = next } else { first = next }
    if let next { entries[next].previous = previous } else { last = previous }
    count -= 1
  }
}
