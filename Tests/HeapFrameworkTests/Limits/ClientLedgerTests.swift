// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// Limits: what is refused, and what the refusal says (A3).
struct ClientLedgerTests {
  private let user = ClientID(rawValue: 1000)
  private let other = ClientID(rawValue: 1001)
  private let process = ClientID(rawValue: 4711)

  private func ledger(
    total: Int = 100, client: Int = 60, shardCount: Int = 1, slack: Int = 0
  ) -> ClientLedger<TestLock> {
    ClientLedger(
      totalLimit: PageCount(total), clientLimit: PageCount(client), userCapacity: 8,
      processCapacity: 8, shardCount: shardCount, slack: PageCount(slack))
  }

  private func held(_ client: ClientID, _ table: borrowing ClientTable<TestLock>) -> Int? {
    var pages: Int?
    forEachEntry(of: table) { if $0.client == client { pages = $0.pages.rawValue } }
    return pages
  }

  @Test func clientLimit_holdsEachUser_andTellsWho() throws {
    let ledger = ledger()
    _ = try ledger.charge(PageCount(60), user: user, process: process, shard: 0)
    let refusal = #expect(throws: LimitReached.self) {
      try ledger.charge(PageCount(1), user: user, process: process, shard: 0)
    }
    #expect(
      refusal
        == LimitReached(
          holder: .client(user), held: PageCount(60), limit: PageCount(60), client: user,
          asked: PageCount(1)))
    _ = try ledger.charge(PageCount(30), user: other, process: process, shard: 0)
    #expect(ledger.held == PageCount(90))
    #expect(held(user, ledger.users) == 60)
    #expect(held(other, ledger.users) == 30)
    #expect(held(process, ledger.processes) == 90)
  }

  @Test func totalLimit_holdsEverybody_rootToo() throws {
    let ledger = ledger()
    _ = try ledger.charge(PageCount(90), user: .root, process: process, shard: 0)
    for asker in [user, .root] {
      let refusal = #expect(throws: LimitReached.self) {
        try ledger.charge(PageCount(11), user: asker, process: process, shard: 0)
      }
      #expect(
        refusal
          == LimitReached(
            holder: .everybody, held: PageCount(90), limit: PageCount(100), client: asker,
            asked: PageCount(11)))
    }
    // Nothing of it stays behind.
    #expect(held(user, ledger.users) == 0)
    #expect(held(.root, ledger.users) == 90)
    #expect(held(process, ledger.processes) == 90)
    _ = try ledger.charge(PageCount(10), user: user, process: process, shard: 0)
  }

  /// A peak is what was held, not what was refused.
  @Test func refusedCharge_isNoPeak() throws {
    let ledger = ledger()
    _ = try ledger.charge(PageCount(90), user: .root, process: process, shard: 0)
    #expect(throws: LimitReached.self) {
      try ledger.charge(PageCount(50), user: user, process: process, shard: 0)
    }
    forEachEntry(of: ledger.users) { holdings in
      if holdings.client == user { #expect(holdings.peak == .zero && holdings.buffers == 0) }
    }
    #expect(ledger.peak == PageCount(90))
  }

  @Test func loweredLimits_refuseOnlyWhatComes() throws {
    let ledger = ledger(shardCount: 2, slack: 16)
    let first = try ledger.charge(PageCount(20), user: user, process: process, shard: 0)
    let second = try ledger.charge(PageCount(10), user: user, process: process, shard: 0)
    // Stays in the first shard's stock, and is of no use any more.
    ledger.uncharge(second, shard: 0)
    ledger.totalLimit = PageCount(19)
    #expect(ledger.held == PageCount(20))
    #expect(throws: LimitReached.self) {
      try ledger.charge(PageCount(1), user: .root, process: process, shard: 0)
    }
    ledger.totalLimit = PageCount(21)
    _ = try ledger.charge(PageCount(1), user: .root, process: process, shard: 1)
    ledger.totalLimit = PageCount(100)
    ledger.clientLimit = PageCount(0)
    let refusal = #expect(throws: LimitReached.self) {
      try ledger.charge(PageCount(1), user: user, process: process, shard: 0)
    }
    #expect(refusal?.held == PageCount(20) && refusal?.limit == .zero)
    ledger.uncharge(first, shard: 1)
    #expect(ledger.held == PageCount(1))
  }

  /// Stock that any shard keeps is found before somebody is refused.
  @Test func refusal_isExact_whateverShardsKeep() throws {
    let ledger = ledger(total: 32, client: 32, shardCount: 4, slack: 8)
    var charges: [BufferCharge] = []
    for shard in 0..<4 {
      charges.append(
        try ledger.charge(PageCount(8), user: user, process: process, shard: shard))
    }
    for (shard, charge) in charges.enumerated() { ledger.uncharge(charge, shard: shard) }
    #expect(ledger.held == .zero)
    let all = try ledger.charge(PageCount(32), user: user, process: process, shard: 2)
    #expect(throws: LimitReached.self) {
      try ledger.charge(PageCount(1), user: .root, process: process, shard: 1)
    }
    ledger.uncharge(all, shard: 0)
  }

  /// A shard keeps no more than the slack, wherever buffers are freed.
  @Test func stock_isBounded() throws {
    let ledger = ledger(total: 100, client: 100, shardCount: 2, slack: 8)
    for _ in 0..<5 {
      let charges = try (0..<12).map { _ in
        try ledger.charge(PageCount(3), user: user, process: process, shard: 0)
      }
      for charge in charges { ledger.uncharge(charge, shard: 1) }
    }
    #expect(ledger.held == .zero)
    #expect(ledger.peak >= PageCount(36) && ledger.peak <= PageCount(36 + 16))
  }

  @Test(arguments: [Int.min, -1, 3, Int.max])
  func anyShardNumber_isUsable(_ shard: Int) throws {
    let ledger = ledger(shardCount: 3, slack: 4)
    let charge = try ledger.charge(PageCount(2), user: user, process: process, shard: shard)
    ledger.uncharge(charge, shard: shard)
    #expect(ledger.held == .zero)
  }

  @Test func limits_beyondTheirRange_areItsEnds() throws {
    let ledger = ledger(total: .max, client: .max)
    let most = ClientLedger<TestLock>.mostPages
    #expect(ledger.totalLimit == most && ledger.clientLimit == most)
    // More than any machine has, asked by anybody, even twice.
    let all = try ledger.charge(most, user: user, process: process, shard: 0)
    for (asker, pages) in [(user, 1), (.root, 1), (.root, Int.max), (user, Int.max)] {
      #expect(throws: LimitReached.self) {
        try ledger.charge(PageCount(pages), user: asker, process: process, shard: 0)
      }
    }
    ledger.uncharge(all, shard: 0)
    let refusal = #expect(throws: LimitReached.self) {
      try ledger.charge(PageCount(most.rawValue + 1), user: .root, process: process, shard: 0)
    }
    #expect(refusal?.holder == .client(.root) && refusal?.limit == most)
    ledger.totalLimit = PageCount(-5)
    ledger.clientLimit = PageCount(-5)
    #expect(ledger.totalLimit == .zero && ledger.clientLimit == .zero)
    #expect(throws: LimitReached.self) {
      try ledger.charge(PageCount(1), user: user, process: process, shard: 0)
    }
    #expect(ledger.held == .zero)
  }
}
