// SPDX-License-Identifier: MIT

public import Synchronization

/// How the deferred-free list reaches into the items it links (D1).
public protocol DeferredFreeItems: Sendable {
  /// A handle to one object waiting to be freed, trivially copied.
  associatedtype Item: BitwiseCopyable & Sendable

  /// The host's lock.
  associatedtype Lock: HostLock & ~Copyable

  /// Pages that freeing `item` gives back, 1 or more; constant while the item is on the list.
  ///
  /// - Context: called with the list's lock held, too.
  func deferredSize(of item: Item) -> PageCount

  /// The item's deferred link slot. Called with the list's lock held.
  func nextDeferred(after item: Item) -> Item?

  /// Stores into the item's deferred link slot. Called with the list's lock held.
  func setNextDeferred(_ next: Item?, after item: Item)
}

/// Why an item is being freed (D2).
@frozen
public enum FreeReason: Sendable, BitwiseCopyable {
  /// In the background, or by a thread that found the backlog full: zero and pool the memory.
  case normal

  /// By a shrinker or an allocation that would fail: allocate nothing, and give the memory back
  /// to its source, not to a pool.
  case underPressure
}

/// Objects whose freeing waits for a worker at idle priority: FIFO and bounded (D1–D5).
///
/// The list is a mechanism: it links items through their own memory, counts their pages, and hands
/// them out oldest first. The caller passes what freeing means, so nothing is stored and no lock
/// is held while an item is freed. The worker is the host's:
///
/// ```swift
/// while !stopping {
///   while let _ = list.freeOldest(reason: .normal, free) {}
///   if list.workerMaySleep() { /* wait for a wake-up */ }
/// }
/// ```
///
/// - Source: behaviour of Android's deferred-free-helper.c; differs in being FIFO, in its bound, and
///   in waking the worker only when it sleeps.
public final class DeferredFreeList<Items: DeferredFreeItems>: Sendable {
  @usableFromInline
  struct Queue: ~Copyable {
    @usableFromInline var first: Items.Item?
    @usableFromInline var last: Items.Item?
    @usableFromInline var pages = PageCount.zero
    @usableFromInline var workerSleeps = false

    @usableFromInline init() {}
  }

  /// What ``append(_:)`` did with an item.
  @frozen
  public enum Admission: Equatable, Sendable, BitwiseCopyable {
    /// The item waits; the worker is awake and will come to it.
    case queued

    /// The item waits; the caller must wake the worker.
    case queuedForSleepingWorker

    /// The backlog is full: the item is not on the list, and the caller frees it itself (D5).
    case refused
  }

  @usableFromInline let items: Items
  @usableFromInline let queue = Locked<Queue, Items.Lock>(Queue())
  @usableFromInline let waitingPageCount = Atomic<Int>(0)

  /// The most pages that may wait (D5).
  public let limit: PageCount

  /// Makes an empty list that takes up to `limit` pages; 0 means that nothing is ever deferred.
  @inlinable
  public init(items: Items, limit: PageCount) {
    precondition(limit >= .zero)
    self.items = items
    self.limit = limit
  }

  /// Pages waiting now, not counting what is just being freed (D4).
  ///
  /// - Context: takes no lock.
  @inlinable
  public var waitingPages: PageCount {
    PageCount(waitingPageCount.load(ordering: .relaxed))
  }

  /// Puts an item at the end, unless that would exceed the limit.
  ///
  /// - Complexity: O(1); allocates nothing.
  /// - Context: takes the list's lock; does not block.
  @inlinable
  public func append(_ item: Items.Item) -> Admission {
    let size = items.deferredSize(of: item)
    return queue.withLock { queue in
      guard queue.pages + size <= limit else { return .refused }
      items.setNextDeferred(nil, after: item)
      if let last = queue.last {
        items.setNextDeferred(item, after: last)
      } else {
        queue.first = item
      }
      queue.last = item
      queue.pages += size
      waitingPageCount.store(queue.pages.rawValue, ordering: .relaxed)
      guard queue.workerSleeps else { return .queued }
      queue.workerSleeps = false
      return .queuedForSleepingWorker
    }
  }

  /// Frees the item that has waited longest (D3).
  ///
  /// - Returns: its pages, or nil when nothing waits.
  /// - Complexity: O(1) and what `free` costs.
  /// - Context: takes the list's lock, not while `free` runs.
  @inlinable
  public func freeOldest(
    reason: FreeReason, _ free: (Items.Item, FreeReason) -> Void
  ) -> PageCount? {
    let taken = queue.withLock { queue -> (item: Items.Item, size: PageCount)? in
      guard let item = queue.first else { return nil }
      queue.first = items.nextDeferred(after: item)
      if queue.first == nil { queue.last = nil }
      items.setNextDeferred(nil, after: item)
      let size = items.deferredSize(of: item)
      queue.pages -= size
      waitingPageCount.store(queue.pages.rawValue, ordering: .relaxed)
      return (item, size)
    }
    guard let taken else { return nil }
    free(taken.item, reason)
    return taken.size
  }

  /// Asks whether the worker may sleep; when it may, the next ``append(_:)`` says to wake it.
  ///
  /// - Returns: false when something waits.
  /// - Context: takes the list's lock; does not block.
  @inlinable
  public func workerMaySleep() -> Bool {
    queue.withLock { queue in
      queue.workerSleeps = queue.first == nil
      return queue.workerSleeps
    }
  }

  /// Frees `underPressure` what waits, until `target` pages are free or nothing waits (D4).
  ///
  /// - Context: takes the list's lock, not while `free` runs.
  @inlinable
  public func scan(
    _ target: PageCount, _ free: (Items.Item, FreeReason) -> Void
  ) -> ShrinkOutcome {
    var freed = PageCount.zero
    while freed < target, let pages = freeOldest(reason: .underPressure, free) {
      freed += pages
    }
    return ShrinkOutcome(freed)
  }

  /// Frees everything that waits (D6, and before a host stops).
  ///
  /// - Returns: pages freed.
  @inlinable
  @discardableResult
  public func drain(
    reason: FreeReason, _ free: (Items.Item, FreeReason) -> Void
  ) -> PageCount {
    var freed = PageCount.zero
    while let pages = freeOldest(reason: reason, free) {
      freed += pages
    }
    return freed
  }
}
