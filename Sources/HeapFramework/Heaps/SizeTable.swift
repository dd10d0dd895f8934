// SPDX-License-Identifier: MIT

public import PagePools

/// The pool of one size of a ``HandOutHeap``.
@usableFromInline
final class SizedPool<Host: HeapHost>: @unchecked Sendable {
  // The counts are guarded by the table's lock.

  /// Pages in each block.
  @usableFromInline let pages: PageCount

  @usableFromInline let pools: HeapPools<Host>

  /// Blocks and calls that the pool must stay for.
  @usableFromInline var users = 0

  /// When the size was asked for last, in calls.
  @usableFromInline var lastUse = 0

  init(_ pages: PageCount, _ pools: consuming HeapPools<Host>) {
    self.pages = pages
    self.pools = pools
  }
}

/// The sizes that have a pool, guarded by the heap's lock: those asked for lately.
///
/// Nothing is allocated after `init`.
@usableFromInline
struct SizeTable<Host: HeapHost>: ~Copyable {
  @usableFromInline var entries: StableArray<SizedPool<Host>?>

  /// The entries' sizes, together in few cache lines; 0 where there is none.
  @usableFromInline var pages: StableArray<PageCount>

  /// Entries that are promised to sizes whose pools are being made.
  @usableFromInline var promised = 0

  @usableFromInline var calls = 0

  init(capacity: Int) {
    entries = StableArray(count: capacity) { _ in nil }
    pages = StableArray(count: capacity) { _ in .zero }
  }

  /// Finds a size's pool, which stays until ``leave(_:)``.
  ///
  /// - Complexity: O(capacity).
  @inlinable
  mutating func enter(_ size: PageCount) -> SizedPool<Host>? {
    guard let index = index(of: size), let entry = entries[index] else { return nil }
    calls += 1
    entry.users += 1
    entry.lastUse = calls
    return entry
  }

  /// Ends what ``enter(_:)`` or ``insert(_:)`` began.
  @inlinable
  mutating func leave(_ size: PageCount) {
    guard let index = index(of: size), let entry = entries[index], entry.users > 0 else {
      preconditionFailure("who leaves a size has entered it")
    }
    entry.users -= 1
  }

  /// Promises an entry to a new size, if need be that of the size that was not asked for for longest.
  ///
  /// - Parameter canGo: whether a size's pool may go.
  /// - Returns: whether there is room, and the pool that has to go for it.
  mutating func makeRoom(
    where canGo: (SizedPool<Host>) -> Bool
  ) -> (hasRoom: Bool, surplus: SizedPool<Host>?) {
    var used = 0
    var oldest: Int?
    for index in 0..<entries.count {
      guard let entry = entries[index] else { continue }
      used += 1
      guard entry.users == 0, canGo(entry) else { continue }
      if let other = oldest, let otherEntry = entries[other], otherEntry.lastUse < entry.lastUse {
        continue
      }
      oldest = index
    }
    guard used + promised >= entries.count else {
      promised += 1
      return (true, nil)
    }
    guard let oldest else { return (false, nil) }
    promised += 1
    return (true, remove(at: oldest))
  }

  /// Takes back what ``makeRoom(where:)`` promised.
  mutating func cancelRoom() { promised -= 1 }

  /// Enters a size into the room that was promised to it.
  ///
  /// - Returns: the size's pool; another one if another thread was quicker.
  mutating func insert(_ new: SizedPool<Host>) -> SizedPool<Host> {
    promised -= 1
    if let other = enter(new.pages) { return other }
    guard let index = index(of: .zero) else { preconditionFailure("the room was promised") }
    calls += 1
    new.users = 1
    new.lastUse = calls
    entries[index] = new
    pages[index] = new.pages
    return new
  }

  /// Takes any pool that nobody uses.
  mutating func removeAny() -> SizedPool<Host>? {
    for index in 0..<entries.count where entries[index] != nil {
      return remove(at: index)
    }
    return nil
  }

  private mutating func remove(at index: Int) -> SizedPool<Host>? {
    let entry = entries[index]
    precondition(entry?.users == 0, "a size's pool goes when nobody uses it")
    entries[index] = nil
    pages[index] = .zero
    return entry
  }

  @inlinable
  func index(of size: PageCount) -> Int? {
    for index in 0..<pages.count where pages[index] == size { return index }
    return nil
  }
}
