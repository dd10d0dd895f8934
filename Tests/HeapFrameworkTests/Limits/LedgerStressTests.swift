// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import Synchronization
import TestSupport
import Testing

/// Many threads at one ledger: no limit is passed at any instant, nobody is refused without a reason, and at
/// the end nothing is left.
struct LedgerStressTests {
  private typealias Ledger = ClientLedger<SpinLock>

  /// What threads know to be held: counted after a charge and before it is taken back, so never more than is.
  private final class Truth: Sendable {
    let total = Atomic<Int>(0)
    let users: StableArray<Atomic<Int>>
    let peaks: StableArray<Atomic<Int>>

    init(userCount: Int) {
      users = StableArray(count: userCount) { _ in Atomic(0) }
      peaks = StableArray(count: userCount) { _ in Atomic(0) }
    }

    /// The pages known to be held in total and by the user.
    func add(_ pages: Int, user: Int) -> (total: Int, user: Int) {
      let ofUser = users[user].add(pages, ordering: .sequentiallyConsistent).newValue
      peaks[user].max(ofUser, ordering: .relaxed)
      return (total.add(pages, ordering: .sequentiallyConsistent).newValue, ofUser)
    }

    func subtract(_ pages: Int, user: Int) {
      total.subtract(pages, ordering: .sequentiallyConsistent)
      users[user].subtract(pages, ordering: .sequentiallyConsistent)
    }
  }

  private static let rounds = min(TestScale.operations / 4, 100_000)

  /// Users 1000 to 1005.
  ///
  /// With 8 entries everybody has one. With 2 they take them from each other and share the others' one, so
  /// that a user may hold its limit there and once more in an entry. Once only the total limits, and no shard
  /// keeps anything.
  @Test(.timeLimit(.minutes(10)), arguments: [(8, 30, 8), (2, 30, 8), (8, 100, 0)])
  func limits_underTraffic_areNeverPassed(
    userCapacity: Int, clientLimit: Int, slack: Int
  ) throws {
    let (userCount, totalLimit) = (6, 100)
    let ledger = Ledger(
      totalLimit: PageCount(totalLimit), clientLimit: PageCount(clientLimit),
      userCapacity: userCapacity, processCapacity: 2, shardCount: 3, slack: PageCount(slack))
    let truth = Truth(userCount: userCount)
    let refusals = Atomic<Int>(0)
    let isOver = Gate()
    let limits = userCapacity < userCount ? 2 : 1
    var seeds = SeededGenerator(
      for: "limits_underTraffic_areNeverPassed(\(userCapacity), \(slack))")
    let seed = seeds.next()

    let observer = TestThread {
      while !isOver.isOpen {
        #expect(ledger.held <= PageCount(totalLimit))
        forEachEntry(of: ledger.users) { holdings in
          #expect(holdings.pages <= PageCount(clientLimit))
          #expect(holdings.buffers >= 0)
        }
        forEachEntry(of: ledger.processes) { holdings in
          #expect(holdings.pages <= PageCount(totalLimit))
        }
        yieldToOthers()
      }
    }
    TestThread.run(4) { thread in
      var random = SeededGenerator(seed: seed &+ UInt64(thread))
      var charges: [(charge: BufferCharge, user: Int)] = []
      func free(_ index: Int) {
        let (charge, user) = charges.remove(at: index)
        truth.subtract(charge.pages.rawValue, user: user)
        ledger.uncharge(charge, shard: random.below(3))
      }
      for _ in 0..<Self.rounds {
        if !charges.isEmpty && random.below(100) < 48 {
          free(random.below(charges.count))
          continue
        }
        let user = random.below(userCount)
        let pages = 1 + random.below(random.oneIn(20) ? 40 : 6)
        do throws(LimitReached) {
          let charge = try ledger.charge(
            PageCount(pages), user: ClientID(rawValue: UInt32(1000 + user)),
            process: ClientID(rawValue: UInt32(thread)), shard: thread)
          let held = truth.add(pages, user: user)
          #expect(held.total <= totalLimit)
          #expect(held.user <= limits * clientLimit)
          charges.append((charge, user))
        } catch {
          refusals.add(1, ordering: .relaxed)
        }
      }
      while !charges.isEmpty { free(0) }
    }
    isOver.open()
    observer.join()

    #expect(refusals.load(ordering: .relaxed) > 0)
    expectNothingHeld(ledger)
    #expect(ledger.peak <= PageCount(totalLimit))
    guard userCapacity >= userCount else { return }
    forEachEntry(of: ledger.users) { holdings in
      guard let client = holdings.client, client != .root else { return }
      #expect(holdings.peak <= PageCount(clientLimit))
      let seen = truth.peaks[Int(client.rawValue) - 1000].load(ordering: .relaxed)
      #expect(holdings.peak >= PageCount(seen))
    }
  }

  /// Two threads want more than there is, time and again; two others, who ask for what is left, never notice.
  @Test(.timeLimit(.minutes(10)), arguments: [0, 4])
  func modestClients_areNotRefused_becauseOthersAre(slack: Int) throws {
    let (shardCount, share) = (4, 50)
    let threadCount = 4
    let ledger = Ledger(
      totalLimit: PageCount(2 * share + (shardCount + threadCount) * slack),
      clientLimit: PageCount(2 * share), userCapacity: 4, processCapacity: 4,
      shardCount: shardCount, slack: PageCount(slack))
    let start = Meeting(threadCount)
    let modest = Atomic<Int>(2)
    var seeds = SeededGenerator(for: "modestClients_areNotRefused_becauseOthersAre(\(slack))")
    let seed = seeds.next()

    TestThread.run(threadCount) { thread in
      start.wait()
      guard thread < 2 else {
        // One is stopped by the total, the other by the limit of the client that the modest ones are, too.
        let user = thread == 2 ? ClientID.root : ClientID(rawValue: 1000)
        while modest.load(ordering: .acquiring) > 0 {
          let charge = try? ledger.charge(
            PageCount(10_000), user: user, process: .root, shard: thread)
          #expect(charge == nil, "more than there is was given")
        }
        return
      }
      var random = SeededGenerator(seed: seed &+ UInt64(thread))
      var charges: [BufferCharge] = []
      var held = 0
      // Long enough for the threads to run side by side, however busy the machine is.
      for _ in 0..<(TestScale.isSanitized ? Self.rounds : 3 * TestScale.operations) {
        // Whoever is refused must not show even for a moment.
        guard ledger.held <= ledger.totalLimit else {
          Issue.record("more is held than the limit allows")
          break
        }
        let pages = 1 + random.below(8)
        if held + pages <= share && random.below(100) < 55 {
          let charge = try? ledger.charge(
            PageCount(pages), user: ClientID(rawValue: 1000), process: .root,
            shard: random.below(shardCount))
          #expect(charge != nil, "refused although it fits")
          guard let charge else { break }
          charges.append(charge)
          held += pages
        } else if !charges.isEmpty {
          let charge = charges.remove(at: random.below(charges.count))
          held -= charge.pages.rawValue
          ledger.uncharge(charge, shard: random.below(shardCount))
        }
      }
      for charge in charges { ledger.uncharge(charge, shard: thread) }
      modest.subtract(1, ordering: .releasing)
    }
    expectNothingHeld(ledger)
  }

  /// Entries come and go all the time, as there are fewer than users: what stands in one is its client's.
  ///
  /// Each user asks for as many pages as no other, and several threads are the same user.
  @Test(.timeLimit(.minutes(10)), arguments: [1, 2])
  func entries_underEviction_stayTheirClients(userCapacity: Int) throws {
    let ledger = Ledger(
      totalLimit: PageCount(1_000_000), clientLimit: PageCount(1_000_000),
      userCapacity: userCapacity, processCapacity: 1, shardCount: 4, slack: PageCount(16))
    let start = Meeting(4)
    let working = Atomic<Int>(3)
    var seeds = SeededGenerator(for: "entries_underEviction_stayTheirClients(\(userCapacity))")
    let seed = seeds.next()

    TestThread.run(4) { thread in
      start.wait()
      guard thread < 3 else {
        while working.load(ordering: .acquiring) > 0 { expectOwnPages(ledger.users) }
        return
      }
      var random = SeededGenerator(seed: seed &+ UInt64(thread))
      for _ in 0..<4 * Self.rounds {
        let user = 2 + random.below(userCapacity + 1)
        let charge = try? ledger.charge(
          PageCount(user), user: ClientID(rawValue: UInt32(user)), process: .root, shard: thread)
        guard let charge else {
          Issue.record("refused without a limit")
          break
        }
        ledger.uncharge(charge, shard: thread)
      }
      working.subtract(1, ordering: .releasing)
    }
    expectOwnPages(ledger.users)
    expectNothingHeld(ledger)
  }

  /// All threads come at once as a user that is not known yet: it gets one entry.
  @Test(.timeLimit(.minutes(10)))
  func newcomer_onManyThreads_getsOneEntry() throws {
    let threadCount = 3
    let ledger = Ledger(
      totalLimit: PageCount(1000), clientLimit: PageCount(1000), userCapacity: 8,
      processCapacity: 8, shardCount: 1, slack: .zero)
    let meeting = Meeting(threadCount)
    TestThread.run(threadCount) { thread in
      for round in 1...UInt32(Self.rounds / 50) {
        let user = ClientID(rawValue: round)
        meeting.wait()
        let charge = try? ledger.charge(PageCount(1), user: user, process: user, shard: 0)
        meeting.wait()
        if thread == 0 {
          expectOneEntry(of: user, buffers: threadCount, ledger.users)
          expectOneEntry(of: user, buffers: threadCount, ledger.processes)
        }
        meeting.wait()
        guard let charge else {
          Issue.record("refused without a limit")
          continue
        }
        ledger.uncharge(charge, shard: 0)
      }
    }
    expectNothingHeld(ledger)
  }

  private func expectOneEntry(
    of user: ClientID, buffers: Int, _ table: borrowing ClientTable<SpinLock>
  ) {
    var seen: [Int] = []
    forEachEntry(of: table) { if $0.client == user { seen.append($0.buffers) } }
    #expect(seen == [buffers])
  }

  /// What a user holds, or held at most, is a multiple of its number.
  private func expectOwnPages(_ table: borrowing ClientTable<SpinLock>) {
    forEachEntry(of: table) { holdings in
      guard let client = holdings.client, client != .root else { return }
      #expect(holdings.pages.rawValue % Int(client.rawValue) == 0)
      #expect(holdings.peak.rawValue % Int(client.rawValue) == 0)
      #expect(holdings.buffers >= 0)
    }
  }

  private func expectNothingHeld(_ ledger: Ledger) {
    #expect(ledger.held == .zero)
    expectNothingHeld(ledger.users)
    expectNothingHeld(ledger.processes)
  }

  private func expectNothingHeld(_ table: borrowing ClientTable<SpinLock>) {
    var clients: Set<ClientID> = []
    forEachEntry(of: table) { holdings in
      #expect(holdings.pages == .zero)
      #expect(holdings.buffers == 0)
      if let client = holdings.client {
        #expect(clients.insert(client).inserted, "a client has two entries")
      }
    }
  }
}
