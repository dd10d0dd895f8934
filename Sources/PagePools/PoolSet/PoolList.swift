// SPDX-License-Identifier: MIT

/// The pools in round-robin order (P5), guarded by the set's list lock.
///
/// A doubly linked list through an array of entries, one for each pool there can be: links are slots.
/// Nothing is allocated after `init`, so it can be changed under a spinlock.
@usableFromInline
struct PoolList<Source: PageSource>: ~Copyable {
  @usableFromInline
  struct Entry {
    @usableFromInline var pool: PagePool<Source>?
    @usableFromInline var previous: Int?
    @usableFromInline var next: Int?
    /// Steps of shrinkers and the refill worker that have picked this pool and are not done with it.
    @usableFromInline var pins = 0
    @usableFromInline var watermarks = Watermarks.none
    /// Between the low mark and the high one on the way up (P9).
    @usableFromInline var isFilling = false
    /// Off the list, but its blocks are not released yet.
    @usableFromInline var isLeaving = false

    @inlinable
    init(pool: PagePool<Source>? = nil) {
      self.pool = pool
    }
  }

  @usableFromInline var entries: StableArray<Entry>
  @usableFromInline var first: Int?
  @usableFromInline var last: Int?
  @usableFromInline var count = 0
  @usableFromInline var lastRefilled = 0

  @inlinable
  init(capacity: Int) {
    entries = StableArray(count: capacity) { _ in Entry() }
  }

  /// Adds a pool at the end.
  ///
  /// - Returns: nil when all slots are taken.
  /// - Complexity: O(capacity).
  @inlinable
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
  @inlinable
  mutating func remove(_ pool: PagePool<Source>) -> Bool {
    guard isListed(pool) else { return false }
    unlink(pool.slot)
    entries[pool.slot].isLeaving = true
    return true
  }

  /// Makes a removed pool's slot free for another.
  @inlinable
  mutating func freeSlot(of pool: PagePool<Source>) {
    entries[pool.slot] = Entry()
  }

  /// Picks the first pool that has blocks for a shrinker step, pins it and moves it to the end, as all
  /// before it.
  ///
  /// - Returns: nil when no pool has blocks.
  /// - Complexity: O(pools).
  @inlinable
  mutating func pickForShrinking(_ hasBlocks: (_ slot: Int) -> Bool) -> PagePool<Source>? {
    for _ in 0..<count {
      guard let slot = first else { return nil }
      unlink(slot)
      append(slot)
      guard hasBlocks(slot) else { continue }
      entries[slot].pins += 1
      return entries[slot].pool
    }
    return nil
  }

  /// Ends a step.
  @inlinable
  mutating func unpin(_ pool: PagePool<Source>) {
    entries[pool.slot].pins -= 1
  }

  /// Whether a step uses the pool.
  @inlinable
  func isPinned(_ pool: PagePool<Source>) -> Bool {
    entries[pool.slot].pins > 0
  }

  // MARK: Refill

  @inlinable
  mutating func setWatermarks(_ marks: Watermarks, of slot: Int) {
    entries[slot].watermarks = marks
    entries[slot].isFilling = false
  }

  @inlinable
  func watermarks(of slot: Int) -> Watermarks { entries[slot].watermarks }

  /// Whether any pool has watermarks.
  ///
  /// - Complexity: O(pools).
  @usableFromInline
  var hasWatermarks: Bool {
    var next = first
    while let slot = next {
      if entries[slot].watermarks.low > 0 { return true }
      next = entries[slot].next
    }
    return false
  }

  /// Picks the next pool that wants to be filled, after the one that was picked last, and pins it.
  ///
  /// - Complexity: O(capacity).
  mutating func pickForRefill(_ blockCount: (_ slot: Int) -> Int) -> PagePool<Source>? {
    for _ in 0..<entries.count {
      lastRefilled = lastRefilled + 1 < entries.count ? lastRefilled + 1 : 0
      let slot = lastRefilled
      let marks = entries[slot].watermarks
      guard marks.low > 0, !entries[slot].isLeaving else { continue }
      let count = blockCount(slot)
      if count < marks.low {
        entries[slot].isFilling = true
      } else if count >= marks.high {
        entries[slot].isFilling = false
      }
      guard entries[slot].isFilling else { continue }
      entries[slot].pins += 1
      return entries[slot].pool
    }
    return nil
  }

  /// Visits the pools from the front.
  func forEach(_ body: (PagePool<Source>) -> Void) {
    var next = first
    while let slot = next {
      if let pool = entries[slot].pool { body(pool) }
      next = entries[slot].next
    }
  }

  /// How many pools there can be.
  @inlinable
  var capacity: Int { entries.count }

  /// The pool that has a slot, also while it is being destroyed.
  @inlinable
  func pool(in slot: Int) -> PagePool<Source>? { entries[slot].pool }

  @inlinable
  func isListed(_ pool: PagePool<Source>) -> Bool {
    pool.slot < entries.count && entries[pool.slot].pool == pool && !entries[pool.slot].isLeaving
  }

  @inlinable
  mutating func append(_ slot: Int) {
    entries[slot].previous = last
    entries[slot].next = nil
    if let last { entries[last].next = slot } else { first = slot }
    last = slot
    count += 1
  }

  @inlinable
  mutating func unlink(_ slot: Int) {
    let previous = entries[slot].previous
    let next = entries[slot].next
    if let previous { entries[previous].next = next } else { first = next }
    if let next { entries[next].previous = previous } else { last = previous }
    count -= 1
  }
}
