// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import Testing

/// What a client table is to do, without threads, hashes or words: a dictionary.
struct TableModel {
  struct Holding: Equatable {
    var pages = 0
    var buffers = 0
    var peak = 0
  }

  /// Where a charge went.
  enum Place: Equatable {
    case entry(UInt32)
    case others
  }

  enum Verdict: Equatable {
    case charged(Place)
    case refused(LimitReached.Holder, held: Int)
  }

  let capacity: Int
  let unlimited: UInt32?
  var entries: [UInt32: Holding] = [:]
  var others = Holding()

  init(capacity: Int, unlimited: UInt32?) {
    self.capacity = capacity
    self.unlimited = unlimited
    if let unlimited { entries[unlimited] = Holding() }
  }

  subscript(place: Place) -> Holding {
    get {
      switch place {
      case .entry(let client): entries[client] ?? Holding()
      case .others: others
      }
    }
    set {
      switch place {
      case .entry(let client): entries[client] = newValue
      case .others: others = newValue
      }
    }
  }

  /// Decides about a charge.
  ///
  /// - Parameter standing: who has an entry afterwards: which of several idle clients had to go for a newcomer is
  ///   the table's choice.
  mutating func charge(
    _ client: UInt32, _ pages: Int, limit: Int, standing: Set<UInt32>
  ) throws -> Verdict {
    if client == unlimited { return add(pages, to: .entry(client)) }
    if client == .max { return addToOthers(pages, limit: limit) }
    if let held = entries[client]?.pages {
      guard held + pages <= limit else { return .refused(.client(id(client)), held: held) }
      return add(pages, to: .entry(client))
    }
    guard pages <= limit else { return .refused(.client(id(client)), held: 0) }
    if entries.count - (unlimited == nil ? 0 : 1) == capacity {
      let idle = entries.filter { $0.value.pages == 0 && $0.key != unlimited }.keys
      guard !idle.isEmpty else { return addToOthers(pages, limit: limit) }
      let gone = idle.filter { !standing.contains($0) }
      try #require(gone.count == 1, "one idle client makes room")
      entries[gone[0]] = nil
    }
    entries[client] = Holding()
    return add(pages, to: .entry(client))
  }

  mutating func notePeak(_ place: Place) {
    self[place].peak = max(self[place].peak, self[place].pages)
  }

  mutating func remove(_ pages: Int, from place: Place) {
    self[place].pages -= pages
    self[place].buffers -= 1
  }

  private mutating func addToOthers(_ pages: Int, limit: Int) -> Verdict {
    guard others.pages + pages <= limit else { return .refused(.others, held: others.pages) }
    return add(pages, to: .others)
  }

  private mutating func add(_ pages: Int, to place: Place) -> Verdict {
    self[place].pages += pages
    self[place].buffers += 1
    return .charged(place)
  }

  private func id(_ client: UInt32) -> ClientID { ClientID(rawValue: client) }
}

/// What a ledger is to do.
struct LedgerModel {
  struct Charge {
    let user: UInt32
    let pages: Int
    let userPlace: TableModel.Place
    let processPlace: TableModel.Place
  }

  var users: TableModel
  var processes: TableModel
  var totalLimit: Int
  var clientLimit: Int
  var peak = 0
  var charges: [Charge] = []

  var held: Int { charges.reduce(0) { $0 + $1.pages } }

  mutating func charge(
    _ pages: Int, user: UInt32, process: UInt32,
    standing: (users: Set<UInt32>, processes: Set<UInt32>)
  ) throws -> LimitReached? {
    let verdict = try users.charge(user, pages, limit: clientLimit, standing: standing.users)
    guard case .charged(let userPlace) = verdict else {
      guard case .refused(let holder, let held) = verdict else { return nil }
      return refusal(holder, held, clientLimit, user, pages)
    }
    guard held + pages <= totalLimit else {
      users.remove(pages, from: userPlace)
      return refusal(.everybody, held, totalLimit, user, pages)
    }
    users.notePeak(userPlace)
    let counted = try processes.charge(
      process, pages, limit: .max, standing: standing.processes)
    guard case .charged(let processPlace) = counted else {
      Issue.record("processes have no limit")
      return nil
    }
    processes.notePeak(processPlace)
    charges.append(
      Charge(user: user, pages: pages, userPlace: userPlace, processPlace: processPlace))
    peak = max(peak, held)
    return nil
  }

  mutating func uncharge(_ index: Int) {
    let charge = charges.remove(at: index)
    users.remove(charge.pages, from: charge.userPlace)
    processes.remove(charge.pages, from: charge.processPlace)
  }

  private func refusal(
    _ holder: LimitReached.Holder, _ held: Int, _ limit: Int, _ user: UInt32, _ asked: Int
  ) -> LimitReached {
    LimitReached(
      holder: holder, held: PageCount(held), limit: PageCount(limit),
      client: ClientID(rawValue: user), asked: PageCount(asked))
  }
}
