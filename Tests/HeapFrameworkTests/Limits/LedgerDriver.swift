// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// A ledger and its model side by side.
struct LedgerDriver {
  struct Configuration: CustomTestStringConvertible {
    var totalLimit: Int
    var clientLimit: Int
    var userCapacity = 4
    var processCapacity = 4
    var shardCount = 1
    var slack = 0

    var testDescription: String {
      "limits \(totalLimit) and \(clientLimit), \(userCapacity) users, "
        + "\(processCapacity) processes, \(shardCount) shards, slack \(slack)"
    }
  }

  enum Operation {
    /// A buffer for a user; its process has the same number.
    case charge(user: UInt32, pages: Int, shard: Int)
    /// The user's oldest buffer goes.
    case freeOldest(user: UInt32, shard: Int)
    /// The last buffer of all goes.
    case freeNewest(shard: Int)
    case setTotalLimit(Int)
    case setClientLimit(Int)
  }

  let configuration: Configuration
  let ledger: ClientLedger<TestLock>
  private(set) var model: LedgerModel
  private var charges: [BufferCharge] = []
  private(set) var refusals = 0

  init(_ configuration: Configuration) {
    self.configuration = configuration
    ledger = ClientLedger(
      totalLimit: PageCount(configuration.totalLimit),
      clientLimit: PageCount(configuration.clientLimit),
      userCapacity: configuration.userCapacity, processCapacity: configuration.processCapacity,
      shardCount: configuration.shardCount, slack: PageCount(configuration.slack))
    model = LedgerModel(
      users: TableModel(capacity: configuration.userCapacity, unlimited: 0),
      processes: TableModel(capacity: configuration.processCapacity, unlimited: nil),
      totalLimit: configuration.totalLimit, clientLimit: configuration.clientLimit)
  }

  func isPossible(_ operation: Operation) -> Bool {
    switch operation {
    case .freeOldest(let user, _): model.charges.contains { $0.user == user }
    case .freeNewest: !charges.isEmpty
    default: true
    }
  }

  /// Does it to both, and compares what the ledger answers.
  mutating func apply(_ operation: Operation) throws {
    switch operation {
    case .charge(let user, let pages, let shard):
      var refusal: LimitReached?
      do throws(LimitReached) {
        charges.append(
          try ledger.charge(
            PageCount(pages), user: ClientID(rawValue: user), process: ClientID(rawValue: user),
            shard: shard))
      } catch {
        refusal = error
        refusals += 1
      }
      let standing = (Self.standing(ledger.users), Self.standing(ledger.processes))
      let expected = try model.charge(pages, user: user, process: user, standing: standing)
      try #require(refusal == expected)
    case .freeOldest(let user, let shard):
      let index = try #require(model.charges.firstIndex { $0.user == user })
      free(index, shard: shard)
    case .freeNewest(let shard):
      free(charges.count - 1, shard: shard)
    case .setTotalLimit(let pages):
      ledger.totalLimit = PageCount(pages)
      model.totalLimit = pages
    case .setClientLimit(let pages):
      ledger.clientLimit = PageCount(pages)
      model.clientLimit = pages
    }
  }

  /// Compares everything there is to see.
  func compare() throws {
    try #require(ledger.held == PageCount(model.held))
    try #require(ledger.totalLimit == PageCount(model.totalLimit))
    try #require(ledger.clientLimit == PageCount(model.clientLimit))
    let slack = configuration.shardCount * configuration.slack
    try #require(ledger.peak >= PageCount(model.peak))
    try #require(ledger.peak <= PageCount(model.peak + slack))
    try Self.compare(ledger.users, model.users)
    try Self.compare(ledger.processes, model.processes)
  }

  /// Frees all buffers; then nobody holds anything.
  mutating func close() throws {
    while !charges.isEmpty { free(0, shard: 0) }
    try compare()
    try #require(ledger.held == .zero)
  }

  private mutating func free(_ index: Int, shard: Int) {
    ledger.uncharge(charges.remove(at: index), shard: shard)
    model.uncharge(index)
  }

  private static func compare(
    _ table: borrowing ClientTable<TestLock>, _ model: TableModel
  ) throws {
    var seen: [UInt32: TableModel.Holding] = [:]
    var others: TableModel.Holding?
    forEachEntry(of: table) { holdings in
      let holding = TableModel.Holding(
        pages: holdings.pages.rawValue, buffers: holdings.buffers, peak: holdings.peak.rawValue)
      if let client = holdings.client {
        #expect(seen.updateValue(holding, forKey: client.rawValue) == nil, "seen twice")
      } else {
        others = holding
      }
    }
    try #require(seen == model.entries)
    try #require(others == model.others)
  }

  private static func standing(_ table: borrowing ClientTable<TestLock>) -> Set<UInt32> {
    var standing: Set<UInt32> = []
    forEachEntry(of: table) { holdings in
      if let client = holdings.client { standing.insert(client.rawValue) }
    }
    return standing
  }
}

/// Walks a table's entries with its cursor.
func forEachEntry<Lock: HostLock & ~Copyable>(
  of table: borrowing ClientTable<Lock>, _ body: (ClientHoldings) -> Void
) {
  var position: Int?
  while let (next, holdings) = table.entry(after: position) {
    body(holdings)
    position = next
  }
}
