// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// Who has an entry, and what it says (A2).
struct ClientTableTests {
  /// A ledger that limits nothing but each user to `clientLimit`.
  private func ledger(
    userCapacity: Int, clientLimit: Int = 100, unlimited: ClientID? = .root
  ) -> ClientLedger<TestLock> {
    ClientLedger(
      totalLimit: PageCount(1_000_000), clientLimit: PageCount(clientLimit), unlimited: unlimited,
      userCapacity: userCapacity, processCapacity: 1, shardCount: 1, slack: .zero)
  }

  private func charge(
    _ pages: Int, _ user: UInt32, _ ledger: ClientLedger<TestLock>
  ) throws(LimitReached) -> BufferCharge {
    try ledger.charge(
      PageCount(pages), user: ClientID(rawValue: user), process: .invalid, shard: 0)
  }

  private func holdings(_ user: UInt32?, _ ledger: ClientLedger<TestLock>) -> ClientHoldings? {
    var found: ClientHoldings?
    forEachEntry(of: ledger.users) { if $0.client?.rawValue == user { found = $0 } }
    return found
  }

  @Test func charge_countsPagesAndBuffersAndPeak() throws {
    let ledger = ledger(userCapacity: 8)
    let first = try charge(3, 1000, ledger)
    let second = try charge(4, 1000, ledger)
    ledger.uncharge(first, shard: 0)
    _ = try charge(1, 1000, ledger)
    let client = ClientID(rawValue: 1000)
    #expect(
      holdings(1000, ledger)
        == ClientHoldings(client: client, pages: PageCount(5), buffers: 2, peak: PageCount(7)))
    ledger.uncharge(second, shard: 0)
    #expect(holdings(1000, ledger)?.peak == PageCount(7))
  }

  @Test func charge_fitsAWord() throws {
    let ledger = ledger(userCapacity: ClientTable<TestLock>.largestCapacity)
    for user: UInt32 in [0, .max, 5] {
      let charge = try charge(77, user, ledger)
      #expect(charge.rawValue != 0)
      let copy = BufferCharge(rawValue: charge.rawValue)
      #expect(copy.pages == PageCount(77))
      ledger.uncharge(copy, shard: 0)
      #expect(holdings(user == .max ? nil : user, ledger)?.pages == .zero)
    }
  }

  /// A client that holds nothing is remembered until its place is needed.
  @Test func newcomer_takesThePlaceOfAnIdleClient() throws {
    let ledger = ledger(userCapacity: 2)
    let one = try charge(5, 1, ledger)
    _ = try charge(6, 2, ledger)
    ledger.uncharge(one, shard: 0)
    #expect(holdings(1, ledger)?.peak == PageCount(5))
    _ = try charge(7, 3, ledger)
    #expect(holdings(1, ledger) == nil)
    #expect(holdings(2, ledger)?.pages == PageCount(6))
    let three = ClientID(rawValue: 3)
    #expect(
      holdings(3, ledger)
        == ClientHoldings(client: three, pages: PageCount(7), buffers: 1, peak: PageCount(7)))
  }

  /// A newcomer that gets nothing costs nobody its entry.
  @Test func newcomer_whoAsksForMoreThanTheLimit_evictsNobody() throws {
    let ledger = ledger(userCapacity: 1)
    ledger.uncharge(try charge(5, 1, ledger), shard: 0)
    let refusal = #expect(throws: LimitReached.self) { try charge(101, 2, ledger) }
    #expect(refusal?.holder == .client(ClientID(rawValue: 2)))
    #expect(holdings(1, ledger)?.peak == PageCount(5))
  }

  /// Whoever comes with many numbers fills the table and gets one limit's worth more.
  @Test func clientsBeyondTheCapacity_shareOneLimit() throws {
    let ledger = ledger(userCapacity: 50, clientLimit: 10)
    var charges: [BufferCharge] = []
    var refusals = 0
    for user: UInt32 in 100_000..<101_000 {
      do throws(LimitReached) {
        charges.append(try charge(4, user, ledger))
      } catch {
        refusals += 1
        #expect(error.holder == .others)
        #expect(error.held == PageCount(8))
        #expect(error.client == ClientID(rawValue: user))
      }
    }
    // 32 places in a row of 50 may be full before all are.
    #expect(charges.count <= 52 && charges.count >= 34)
    #expect(charges.count + refusals == 1000)
    #expect(holdings(nil, ledger)?.pages == PageCount(8))
    // Root is not one of them.
    _ = try charge(500, 0, ledger)
    // A buffer that was charged to the others is taken from them, whoever has an entry by then.
    for charge in charges { ledger.uncharge(charge, shard: 0) }
    #expect(holdings(nil, ledger)?.pages == .zero)
    #expect(ledger.held == PageCount(500))
    let late = try charge(10, 100_999, ledger)
    #expect(holdings(100_999, ledger)?.pages == PageCount(10))
    ledger.uncharge(late, shard: 0)
  }

  /// One client stands where another would, time and again: nobody is there twice, none is lost, and with half
  /// of the entries taken nobody is left over, whatever numbers they have.
  @Test(arguments: [1, 7, 65_536, 100_000, 0x9E37_79B1, 0x1000_0000])
  func everyClient_isFoundAgain(distance: UInt32) throws {
    for capacity in [1, 2, 3, 31, 32, 33, 100, 1024] {
      let ledger = ledger(userCapacity: capacity)
      var charges: [BufferCharge] = []
      for round in 1...3 {
        for user in 1...UInt32(min(capacity / 2 + 1, capacity)) {
          charges.append(try charge(1, user &* distance &+ user, ledger))
        }
        var users = 0
        forEachEntry(of: ledger.users) { holdings in
          guard holdings.client != nil, holdings.client != .root else { return }
          users += 1
          #expect(holdings.pages == PageCount(round))
        }
        #expect(users == min(capacity / 2 + 1, capacity))
      }
      for charge in charges { ledger.uncharge(charge, shard: 0) }
    }
  }

  @Test func invalidNumber_isOneOfTheOthers() throws {
    let ledger = ledger(userCapacity: 4, clientLimit: 10)
    _ = try charge(10, .max, ledger)
    #expect(holdings(nil, ledger)?.pages == PageCount(10))
    let refusal = #expect(throws: LimitReached.self) { try charge(1, .max, ledger) }
    #expect(refusal?.holder == .others)
    var entries = 0
    forEachEntry(of: ledger.users) { _ in entries += 1 }
    #expect(entries == 2, "root and the others")
  }

  @Test func noClient_isUnlimited_whenNoneIsNamed() throws {
    let ledger = ledger(userCapacity: 4, clientLimit: 10, unlimited: nil)
    #expect(throws: LimitReached.self) { try charge(11, 0, ledger) }
    _ = try charge(10, 0, ledger)
    #expect(holdings(0, ledger)?.pages == PageCount(10))
  }

  @Test func largestHolder_isWhoHoldsMost() throws {
    let ledger = ledger(userCapacity: 8)
    #expect(ledger.users.largestHolder() == nil)
    _ = try charge(30, 7, ledger)
    let most = try charge(40, 8, ledger)
    _ = try charge(35, 0, ledger)
    #expect(ledger.users.largestHolder()?.client == ClientID(rawValue: 8))
    ledger.uncharge(most, shard: 0)
    #expect(ledger.users.largestHolder()?.client == .root)
  }

  /// Whoever prints may take his time, and ask with any position.
  @Test func cursor_holdsNoLock_andEnds() throws {
    let ledger = ledger(userCapacity: 4)
    _ = try charge(1, 1, ledger)
    var position: Int?
    while let (next, _) = ledger.users.entry(after: position) {
      #expect(!TestLock.isHeldByThisThread)
      // Would stand still if the lock were held.
      _ = try charge(1, UInt32(20 + next), ledger)
      position = next
    }
    #expect(ledger.users.entry(after: 5) == nil)
    #expect(ledger.users.entry(after: .max) == nil)
    #expect(ledger.users.entry(after: -7)?.position != nil)
  }

  /// Two threads find that a user has no entry; the second to get the lock finds that it has.
  @Test func newcomer_placedMeanwhile_isFoundUnderTheLock() throws {
    let ledger = ClientLedger<LateLock>(
      totalLimit: PageCount(100), clientLimit: PageCount(5), userCapacity: 4, processCapacity: 4,
      shardCount: 1, slack: .zero)
    let user = ClientID(rawValue: 1000)
    LateLock.beforeNext = {
      _ = try? ledger.charge(PageCount(3), user: user, process: user, shard: 0)
    }
    _ = try ledger.charge(PageCount(2), user: user, process: user, shard: 0)
    var found: [ClientHoldings] = []
    forEachEntry(of: ledger.users) { if $0.client == user { found.append($0) } }
    let both = ClientHoldings(client: user, pages: PageCount(5), buffers: 2, peak: PageCount(5))
    #expect(found == [both])
    #expect(throws: LimitReached.self) {
      try ledger.charge(PageCount(1), user: user, process: user, shard: 0)
    }
  }

  #if !THREAD_SANITIZER
  @Test func charge_takenBackTwice_traps() async {
    await #expect(processExitsWith: .failure) {
      let ledger = ClientLedger<TestLock>(
        totalLimit: PageCount(9), clientLimit: PageCount(9), userCapacity: 2, processCapacity: 2,
        shardCount: 1, slack: .zero)
      let charge = try ledger.charge(PageCount(2), user: .root, process: .root, shard: 0)
      ledger.uncharge(charge, shard: 0)
      ledger.uncharge(charge, shard: 0)
    }
  }
  #endif
}

/// A lock for one thread, before which another can seem to come.
private struct LateLock: ~Copyable, HostLock {
  // One test uses it, on one thread.
  nonisolated(unsafe) static var beforeNext: (() -> Void)?

  init(rank: Int) {}

  borrowing func withLock<R: ~Copyable, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    if let other = Self.beforeNext {
      Self.beforeNext = nil
      other()
    }
    return try body()
  }
}
