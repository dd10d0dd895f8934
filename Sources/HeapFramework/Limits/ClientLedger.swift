// SPDX-License-Identifier: MIT

public import PagePools
public import Synchronization

/// What buffers there are is charged to whom: by user, with a limit, by process, and in total (A2, A3).
///
/// ```text
///   charge(3 pages)  ──►  users      uid 1000: 97 + 3 ≤ client limit        else refused
///                    ──►  total      budget: reserved of the total limit    else refused, user discharged
///                    ──►  processes  tgid 4711: counted, without a limit
///                    ──►  BufferCharge: one word that the buffer keeps, and uncharge(_:) needs
/// ```
///
/// Charge before memory is taken. The client comes first, so a request that the total refuses was held
/// against its own client alone for that moment, and no request costs other clients anything. With nobody else at
/// work every figure is exact and every refusal right; what is different under traffic is said
/// at ``ClientTable`` and `PageBudget`. Nothing is allocated after `init`.
public final class ClientLedger<Lock: HostLock & ~Copyable>: Sendable {
  @usableFromInline let budget: PageBudget
  @usableFromInline let clientLimitPages: Atomic<Int>

  /// What each user holds.
  public let users: ClientTable<Lock>

  /// What each process holds.
  ///
  /// A buffer stays charged to the process that asked for it, whoever has it now. A process that gets the
  /// number of one that ended may find its peak there.
  public let processes: ClientTable<Lock>

  /// The most pages that can be charged, whatever the limits: 16 TiB in pages of 4 KiB.
  @inlinable
  public static var mostPages: PageCount { PageCount(Int(UInt32.max)) }

  /// Makes a ledger of which no page is held.
  ///
  /// - Parameters:
  ///   - totalLimit: pages of all clients together.
  ///   - clientLimit: pages of each user except `unlimited`.
  ///   - unlimited: the user whom only the total limit holds.
  ///   - userCapacity: users that have an entry each.
  ///   - processCapacity: processes that have an entry each.
  ///   - shardCount: shards of the total, one for each CPU that charges much.
  ///   - slack: pages of the total that a shard keeps reserved at most.
  /// - Context: allocates; may block.
  public init(
    totalLimit: PageCount, clientLimit: PageCount, unlimited: ClientID? = .root,
    userCapacity: Int, processCapacity: Int, shardCount: Int, slack: PageCount
  ) {
    budget = PageBudget(
      limit: Self.clamped(totalLimit), shardCount: shardCount, slack: slack.rawValue)
    clientLimitPages = Atomic(Self.clamped(clientLimit))
    users = ClientTable(capacity: userCapacity, unlimited: unlimited)
    processes = ClientTable(capacity: processCapacity)
  }

  private static func clamped(_ limit: PageCount) -> Int {
    min(max(limit.rawValue, 0), mostPages.rawValue)
  }
}

// MARK: - Limits and totals

extension ClientLedger where Lock: ~Copyable {
  /// Pages that all clients together may hold, 0...``mostPages``; beyond an end is that end.
  ///
  /// Setting it below what is held refuses what comes then, and takes nothing away.
  public var totalLimit: PageCount {
    get { PageCount(budget.limit) }
    set { budget.limit = Self.clamped(newValue) }
  }

  /// Pages that each user but the unlimited may hold, in the same way.
  public var clientLimit: PageCount {
    get { PageCount(clientLimitPages.load(ordering: .relaxed)) }
    set { clientLimitPages.store(Self.clamped(newValue), ordering: .relaxed) }
  }

  /// Pages that all clients hold: exact when nobody charges, and never above a limit that was not lowered.
  public var held: PageCount { PageCount(budget.held) }

  /// The most pages that were held at once, or up to `slack` more for each shard.
  public var peak: PageCount { PageCount(budget.peak) }
}

// MARK: - Charging

/// A buffer's charge: what its owner keeps to take it back.
///
/// It is a plain word, for buffers that are a host's objects; taking one back twice stops the machine when
/// it can be noticed.
@frozen
public struct BufferCharge: RawRepresentable, Equatable, Sendable, BitwiseCopyable {
  /// The entries and the pages; never 0, so that 0 can say that nothing is charged.
  public let rawValue: UInt64

  /// The charge that a word was made of.
  @inlinable
  public init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  @inlinable
  init(pages: Int, userSlot: Int, processSlot: Int) {
    rawValue = UInt64(pages) << 32 | UInt64(userSlot) << 16 | UInt64(processSlot)
  }

  /// The pages that are charged.
  @inlinable
  public var pages: PageCount { PageCount(Int(rawValue >> 32)) }

  @inlinable
  var userSlot: Int { Int(rawValue >> 16 & 0xFFFF) }

  @inlinable
  var processSlot: Int { Int(rawValue & 0xFFFF) }
}

extension ClientLedger where Lock: ~Copyable {
  /// Charges a buffer that is to be allocated.
  ///
  /// - Parameters:
  ///   - pages: 1 or more.
  ///   - user: who pays; ``ClientID/invalid`` is one of the others.
  ///   - process: for whom it is counted, too.
  ///   - shard: any number, best the CPU's.
  /// - Returns: what ``uncharge(_:shard:)`` wants, whether or not the buffer comes about.
  /// - Throws: ``LimitReached`` (ENOMEM); then nothing is charged.
  /// - Complexity: O(1).
  /// - Context: takes a table's lock for newcomers; does not block.
  @inlinable
  public func charge(
    _ pages: PageCount, user: ClientID, process: ClientID, shard: Int
  ) throws(LimitReached) -> BufferCharge {
    precondition(pages > .zero, "a buffer has pages")
    let userLimit = clientLimitPages.load(ordering: .relaxed)
    let userSlot: Int
    let userHeld: Int
    switch users.charge(pages.rawValue, to: user, limit: userLimit) {
    case .charged(let slot, let held):
      (userSlot, userHeld) = (slot, held)
    case .refused(let client, let held):
      throw LimitReached(
        holder: client.map { .client($0) } ?? .others, held: PageCount(held),
        limit: user == users.unlimited ? Self.mostPages : PageCount(userLimit), client: user,
        asked: pages)
    case .notFound:
      preconditionFailure("a client without an entry is one of the others")
    }
    guard budget.take(pages.rawValue, shard: shard) else {
      let refusal = LimitReached(
        holder: .everybody, held: held, limit: totalLimit, client: user, asked: pages)
      users.entries.uncharge(pages.rawValue, slot: userSlot)
      throw refusal
    }
    users.entries.notePeak(userHeld, slot: userSlot)
    // What all processes hold is within the total, so what one holds is within `mostPages`.
    guard
      case .charged(let processSlot, let processHeld) = processes.charge(
        pages.rawValue, to: process, limit: Self.mostPages.rawValue)
    else { preconditionFailure("processes hold more than there is") }
    processes.entries.notePeak(processHeld, slot: processSlot)
    return BufferCharge(
      pages: pages.rawValue, userSlot: userSlot, processSlot: processSlot)
  }

  /// Takes a charge back: the buffer is gone, or did not come about.
  ///
  /// - Parameter shard: any number, best the CPU's.
  /// - Complexity: O(1).
  /// - Context: takes no lock; does not block.
  @inlinable
  public func uncharge(_ charge: BufferCharge, shard: Int) {
    // In the reverse order: the total covers what clients hold at every instant.
    processes.entries.uncharge(charge.pages.rawValue, slot: charge.processSlot)
    users.entries.uncharge(charge.pages.rawValue, slot: charge.userSlot)
    budget.give(charge.pages.rawValue, shard: shard)
  }
}
