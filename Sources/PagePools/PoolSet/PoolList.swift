// SPDX-License-Identifier: MIT

/// The pools in round-robin order (P5), guarded by the set's list lock.
///
/// A doubly linked list through an array of entries, one for each pool there can be: links are slots.
/// Nothing is allocated after `init`, so it can be changed under a spinlock.
struct PoolList<Source: PageSource>: ~Copyable {
  private struct Entry {
    var pool: PagePool<Source>?
    var previous: Int?
    var next: Int?
    /// Shrinker steps that have picked this pool and are not done with it.
    var shrinkerPins = 0
    /// Off the list, but its blocks are not released yet.
    var isLeaving = false
  }

  private var entries: StableArray<Entry>
  private var first: Int?
  private var last: Int?
  private(set) var count = 0

  init(capacity: Int) {
    entries = StableArray(count: capacity) { _ in Entry() }
  }

  /// Adds a pool at the end.
  ///
  /// - Returns: nil when all slots are taken.
  /// - Complexity: O(capacity).
  mutating func add(blockSize: PageCount, attributes: Source.Attributes) -> PagePool<Source>? {
    for slot in 0..<entries.count where entries[slot].pool == nil {
      let pool = PagePool<Source>(blockSize: blockSize, attributes: attributes, slot: slot)
      entries[slot] = Entry(pool: pool)
      append(slot)
      return pool
    }
    return nil
  }

  /// Takes a pool off the list; its slot stays taken until ``freeSlot(of:)``.
  ///
  /// - Returns: false when the pool is not on the list.
  mutating func remove(_ pool: PagePool<Source>) -> Bool {
    guard isListed(pool) else { return false }
    unlink(pool.slot)
    entries[pool.slot].isLeaving = true
    return true
  }

  /// Makes a removed pool's slot free for another.
  mutating func freeSlot(of pool: PagePool<Source>) {
    entries[pool.slot] = Entry()
  }

  /// Picks the first pool for a shrinker step, pins it and moves it to the end.
  mutating func pickForShrinking() -> PagePool<Source>? {
    guard let slot = first else { return nil }
    unlink(slot)
    append(slot)
    entries[slot].shrinkerPins += 1
    return entries[slot].pool
  }

  /// Ends a shrinker step.
  mutating func unpin(_ pool: PagePool<Source>) {
    entries[pool.slot].shrinkerPins -= 1
  }

  /// Whether a shrinker step uses the pool.
  func isPinned(_ pool: PagePool<Source>) -> Bool {
    entries[pool.slot].shrinkerPins > 0
  }

  /// The pool at the front, and from a pool the one behind it.
  func pool(after pool: PagePool<Source>?) -> PagePool<Source>? {
    let slot = if let pool { entries[pool.slot].next } else { first }
    return if let slot { entries[slot].pool } else { nil }
  }

  private func isListed(_ pool: PagePool<Source>) -> Bool {
    pool.slot < entries.count && entries[pool.slot].pool == pool && !entries[pool.slot].isLeaving
  }

  private mutating func append(_ slot: Int) {
    entries[slot].previous = last
    entries[slot].next = nil
    if let last { entries[last].next = slot } else { first = slot }
    last = slot
    count += 1
  }

  private mutating func unlink(_ slot: Int) {
    let previous = entries[slot].previous
    let next = entries[slot].next
    if let previous { entries[previous].next = next } else { first = next }
    if let next { entries[next].previous = previous } else { last = previous }
    count -= 1
  }
}
