// SPDX-License-Identifier: MIT

import PagePools

/// The entries of a client table: what can be done with them without its lock, and what under it.
///
/// A client stands in one of the `window` places that follow its hash. Neither hashes nor locks are secret:
/// whoever can choose numbers can fill places, and becomes one of the others there.
@usableFromInline
struct ClientEntries: ~Copyable, Sendable {
  /// `capacity` clients, then the unlimited client, then the others.
  private let entries: StableArray<ClientEntry>
  private let capacity: Int
  private let unlimited: ClientID?
  private let window: Int

  /// Where a charge went, or why it did not.
  @usableFromInline
  enum Outcome {
    /// To that entry, whose client holds so many pages now.
    case charged(slot: Int, held: Int)
    /// The entry's client holds so many pages; nil: the others do.
    case refused(client: ClientID?, held: Int)
    /// The client has no entry, as far as can be seen without the lock.
    case notFound
  }

  init(capacity: Int, unlimited: ClientID?) {
    self.capacity = capacity
    self.unlimited = unlimited
    // With half of the places taken, 32 in a row rarely are.
    window = min(capacity, 32)
    entries = StableArray(count: capacity + 2) { _ in ClientEntry() }
    if let unlimited { _ = entries[capacity].replace(.vacant, with: unlimited, pages: 0) }
  }

  /// Entries, the unlimited client's and the others' included.
  var count: Int { entries.count }

  private var othersSlot: Int { capacity + 1 }
}

// MARK: - Without the lock

extension ClientEntries {
  /// Charges a client that has an entry.
  @usableFromInline
  func charge(_ pages: Int, to client: ClientID, limit: Int) -> Outcome {
    if client == unlimited {
      return charge(pages, to: client, limit: ClientAccount.mostPages, slot: capacity)
    }
    while let slot = slot(of: client) {
      let outcome = charge(pages, to: client, limit: limit, slot: slot)
      guard case .notFound = outcome else { return outcome }
    }
    return .notFound
  }

  /// Charges the entry of those who have none.
  @usableFromInline
  func chargeOthers(_ pages: Int, limit: Int) -> Outcome {
    charge(pages, to: .invalid, limit: limit, slot: othersSlot)
  }

  /// Takes a charge back.
  @usableFromInline
  func uncharge(_ pages: Int, slot: Int) {
    entries[slot].uncharge(pages)
  }

  /// Remembers what the client that holds this charge has held.
  @usableFromInline
  func notePeak(_ pages: Int, slot: Int) {
    entries[slot].notePeak(pages)
  }

  /// Whether there is nothing to say about an entry: nobody has it, or ever had.
  func isVacant(slot: Int) -> Bool {
    let isSpare = slot < capacity || slot == capacity && unlimited == nil
    return isSpare && entries[slot].load().isVacant
  }

  private func charge(_ pages: Int, to client: ClientID, limit: Int, slot: Int) -> Outcome {
    switch entries[slot].charge(pages, to: client, limit: limit) {
    case .charged(let held): .charged(slot: slot, held: held)
    case .refused(let held): .refused(client: slot == othersSlot ? nil : client, held: held)
    case .notItsEntry: .notFound
    }
  }
}

// MARK: - Under the lock

extension ClientEntries {
  /// Gives a newcomer an entry and charges it.
  ///
  /// - Parameter pages: at most `limit`.
  /// - Returns: `.notFound` when all its places are of clients that hold pages.
  /// - Context: the table's lock is held.
  @usableFromInline
  func place(_ client: ClientID, _ pages: Int, limit: Int) -> Outcome {
    // Another thread may have placed it; under the lock it cannot lose its entry again.
    let outcome = charge(pages, to: client, limit: limit)
    guard case .notFound = outcome else { return outcome }
    if let slot = replace(where: { $0.isVacant }, with: client, pages) {
      return .charged(slot: slot, held: pages)
    }
    if let slot = replace(where: { $0.isIdle }, with: client, pages) {
      return .charged(slot: slot, held: pages)
    }
    return .notFound
  }

  /// What an entry says of its client.
  ///
  /// - Context: the table's lock is held, so the entry stays one client's.
  func holdings(slot: Int) -> ClientHoldings {
    entries[slot].holdings()
  }

  private func replace(
    where isFree: (ClientAccount) -> Bool, with client: ClientID, _ pages: Int
  ) -> Int? {
    for step in 0..<window {
      let slot = place(step, of: client)
      let seen = entries[slot].load()
      if isFree(seen), entries[slot].replace(seen, with: client, pages: pages) { return slot }
    }
    return nil
  }
}

// MARK: - Places

extension ClientEntries {
  /// The entry that was a client's when it was looked for.
  ///
  /// A newcomer takes the first vacant place and none becomes vacant again, so nobody stands behind a vacant
  /// one. Only while an entry is replaced does it look vacant, and somebody may be missed: the answer
  /// under the lock is the final one.
  private func slot(of client: ClientID) -> Int? {
    for step in 0..<window {
      let slot = place(step, of: client)
      let found = entries[slot].load()
      if found.client == client { return slot }
      if found.isVacant { return nil }
    }
    return nil
  }

  /// Numbers in a row, or at equal distances as ranges of users are, come to stand far apart.
  private func place(_ step: Int, of client: ClientID) -> Int {
    var hash = (client.rawValue ^ client.rawValue >> 16) &* 0x9E37_79B1
    hash = (hash ^ hash >> 15) &* 0x85EB_CA6B
    hash ^= hash >> 16
    let home = Int((UInt64(hash) * UInt64(capacity)) >> 32)
    let place = home + step
    return place < capacity ? place : place - capacity
  }
}
