// SPDX-License-Identifier: MIT

public import PagePools

/// Who holds how much: a table of fixed size, by client (A2).
///
/// Clients that have an entry are found, charged and discharged without a lock; newcomers are put in under
/// it. The entry of a client that holds nothing keeps its peak until a newcomer needs the place.
///
/// A newcomer that finds all its places taken by clients that hold pages is one of the *others*: they share
/// one entry and are limited as one client, so whoever comes with many numbers gets one limit's worth more
/// and no more. What was charged there stays there until it is freed, so a client that gets an entry
/// later may hold twice the limit. One client can be given an entry that is always there, without a limit.
public struct ClientTable<Lock: HostLock & ~Copyable>: ~Copyable, Sendable {
  @usableFromInline let entries: ClientEntries

  @usableFromInline let unlimited: ClientID?

  /// Guards what client an entry is of, which is read without it.
  @usableFromInline let placing: Locked<Void, Lock>

  /// The most entries there can be: an entry's number fits 16 bits.
  public static var largestCapacity: Int { 65_000 }

  /// Makes a table in which nobody holds anything.
  ///
  /// - Parameters:
  ///   - capacity: clients that can have an entry at once, 1...``largestCapacity``; each takes 64 bytes.
  ///   - unlimited: a client that has an entry besides these, without a limit.
  /// - Context: allocates; may block.
  public init(capacity: Int, unlimited: ClientID? = nil) {
    precondition(capacity >= 1 && capacity <= Self.largestCapacity, "capacity out of range")
    entries = ClientEntries(capacity: capacity, unlimited: unlimited)
    self.unlimited = unlimited
    placing = Locked(())
  }

  /// Charges a buffer's pages to a client, unless it would then hold more than the limit.
  ///
  /// - Parameters:
  ///   - pages: 1 or more.
  ///   - limit: pages, 0...``ClientLedger/mostPages``.
  /// - Complexity: O(1).
  /// - Context: takes the lock for newcomers; does not block.
  @inlinable
  func charge(_ pages: Int, to client: ClientID, limit: Int) -> ClientEntries.Outcome {
    guard client != .invalid else { return entries.chargeOthers(pages, limit: limit) }
    let outcome = entries.charge(pages, to: client, limit: limit)
    guard case .notFound = outcome else { return outcome }
    // Before somebody loses an entry, and its peak, to a client that gets nothing.
    guard pages <= limit else { return .refused(client: client, held: 0) }
    let placed = placing.withLock { _ in entries.place(client, pages, limit: limit) }
    guard case .notFound = placed else { return placed }
    return entries.chargeOthers(pages, limit: limit)
  }
}

// MARK: - Reports

extension ClientTable where Lock: ~Copyable {
  /// The next client that has an entry, whether or not it holds something; last come the unlimited one and
  /// the others.
  ///
  /// Begin with nil, go on with the position that was returned last, and end at nil. A client that keeps its
  /// entry all the while is seen exactly once; one that loses or gets it may be missed or seen twice.
  ///
  /// - Complexity: O(capacity) for the whole way.
  /// - Context: takes the lock for each entry, holds none between calls; does not block.
  public func entry(after position: Int?) -> (position: Int, holdings: ClientHoldings)? {
    let last = position ?? -1
    for slot in 0..<entries.count where slot > last && !entries.isVacant(slot: slot) {
      return (slot, placing.withLock { _ in entries.holdings(slot: slot) })
    }
    return nil
  }

  /// The client that holds most, for whoever asks where the memory is.
  ///
  /// - Complexity: O(capacity).
  /// - Context: takes the lock for each entry; does not block.
  public func largestHolder() -> ClientHoldings? {
    var largest: ClientHoldings?
    var position: Int?
    while let (next, holdings) = entry(after: position) {
      if holdings.pages > largest?.pages ?? .zero { largest = holdings }
      position = next
    }
    return largest
  }
}
