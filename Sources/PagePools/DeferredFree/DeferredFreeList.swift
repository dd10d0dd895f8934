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

  /// The item's link slot. Called with the list's lock held.
  func nextDeferred(after item: Item) -> Item?

  /// Stores into the item's link slot. Called with the list's lock held.
  func setNextDeferred(_ next: Item?, after item: Item)
}

/// Why something is being freed (D2).
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
/// them out oldest first. What freeing means is the caller's, who does it with no lock held.
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

  /// What ``append(_:)`` did.
  @frozen
  public enum Admission: Equatable, Sendable, BitwiseCopyable {
    /// The items wait; the worker is awake and will come to them.
    case queued

    /// The items wait; the caller must wake the worker.
    case queuedForSleepingWorker

    /// The backlog is full: nothing was put on the list, and the caller does the work itself (D5).
    case refused
  }

  @usableFromInline let items: Items
  @usableFromInline let queue = Locked<Queue, Items.Lock>(Queue())
  @usableFromInline let waitingPageCount = Atomic<Int>(0)

  /// The most pages that may wait (D5), unless a single object alone is more.
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
    append(first: item, last: item, items.deferredSize(of: item))
  }

  /// Puts items that are already linked at the end, all or none: the parts of one object.
  ///
  /// An object that is larger than the limit is taken when nothing else waits: it costs the worker no more
  /// time than several smaller ones, and whoever frees it should not pay for its size.
  ///
  /// - Parameters:
  ///   - pages: of all of them.
  ///   - isForced: whether to take them whatever waits, so that the caller need not do the work.
  /// - Complexity: O(1); allocates nothing.
  /// - Context: takes the list's lock; does not block.
  @inlinable
  public func append(
    first: Items.Item, last: Items.Item, _ pages: PageCount, isForced: Bool = false
  ) -> Admission {
    queue.withLock { queue in
      let isAlone = queue.first == nil && limit > .zero
      guard queue.pages + pages <= limit || isAlone || isForced else { return .refused }
      items.setNextDeferred(nil, after: last)
      if let oldLast = queue.last {
        items.setNextDeferred(first, after: oldLast)
      } else {
        queue.first = first
      }
      queue.last = last
      add(pages, &queue)
      guard queue.workerSleeps else { return .queued }
      queue.workerSleeps = false
      return .queuedForSleepingWorker
    }
  }

  /// Takes the item that has waited longest (D3).
  ///
  /// - Parameters:
  ///   - limit: pages; nil is returned if the item has more.
  ///   - isWanted: items of which this is false are passed over; called with the lock held.
  /// - Returns: nil when nothing that is wanted waits.
  /// - Complexity: O(1) and the items passed over.
  /// - Context: takes the list's lock; does not block.
  @inlinable
  public func takeOldest(
    atMost limit: PageCount = PageCount(Int.max),
    where isWanted: (Items.Item) -> Bool = { _ in true }
  ) -> Items.Item? {
    queue.withLock { queue in
      var previous: Items.Item?
      var next = queue.first
      while let item = next {
        next = items.nextDeferred(after: item)
        guard isWanted(item) else {
          previous = item
          continue
        }
        let size = items.deferredSize(of: item)
        guard size <= limit else { return nil }
        if let previous { items.setNextDeferred(next, after: previous) } else { queue.first = next }
        if next == nil { queue.last = previous }
        items.setNextDeferred(nil, after: item)
        add(PageCount.zero - size, &queue)
        return item
      }
      return nil
    }
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

  @inlinable
  func add(_ pages: PageCount, _ queue: inout Queue) {
    queue.pages += pages
    waitingPageCount.store(queue.pages.rawValue, ordering: .relaxed)
  }
}
