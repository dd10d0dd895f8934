// SPDX-License-Identifier: MIT

public import PagePools
import Synchronization

/// The number of whoever asks for buffers: a user's (uid) or a process's (tgid).
@frozen
public struct ClientID: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
  /// The number, as the system that gave it out writes it.
  public let rawValue: UInt32

  /// The client of a number.
  @inlinable
  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// The administrator, whom no limit of a single client holds.
  @inlinable
  public static var root: ClientID { ClientID(rawValue: 0) }

  /// The number that no system gives out ((uid_t)-1); whoever comes with it is one of the others.
  @inlinable
  public static var invalid: ClientID { ClientID(rawValue: .max) }
}

/// What a client holds, or what all those hold who have no entry of their own.
@frozen
public struct ClientHoldings: Equatable, Sendable, BitwiseCopyable {
  /// Who; nil for all the others together.
  public let client: ClientID?
  /// What it holds now.
  public let pages: PageCount
  /// How many buffers that is.
  public let buffers: Int
  /// The most it has held at once since it got its entry.
  public let peak: PageCount

  /// What somebody holds.
  @inlinable
  public init(client: ClientID?, pages: PageCount, buffers: Int, peak: PageCount) {
    self.client = client
    self.pages = pages
    self.buffers = buffers
    self.peak = peak
  }
}

/// A client and its pages in one word: they change together, so a charge never reaches whoever has the
/// entry next, and no two charges can pass one limit.
struct ClientAccount: BitwiseCopyable {
  let rawValue: UInt64

  init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  init(_ client: ClientID, pages: Int) {
    rawValue = UInt64(client.rawValue) << 32 | UInt64(UInt32(pages))
  }

  /// Nobody's.
  static var vacant: ClientAccount { ClientAccount(.invalid, pages: 0) }

  /// The most pages that fit: 16 TiB in pages of 4 KiB.
  static var mostPages: Int { Int(UInt32.max) }

  var client: ClientID { ClientID(rawValue: UInt32(truncatingIfNeeded: rawValue >> 32)) }

  var pages: Int { Int(UInt32(truncatingIfNeeded: rawValue)) }

  var isVacant: Bool { rawValue == Self.vacant.rawValue }

  /// Somebody's who holds nothing.
  var isIdle: Bool { pages == 0 && !isVacant }
}

/// One client's entry, in a cache line of its own where the array begins at one.
///
/// Whoever is charged holds pages until after its last access to `buffers` and `peak`, and an entry that
/// holds pages is not replaced: so neither is ever counted for the next client.
struct ClientEntry: ~Copyable, Sendable {
  private let account = Atomic<UInt64>(ClientAccount.vacant.rawValue)
  private let buffers = Atomic<Int>(0)
  private let peak = Atomic<Int>(0)
  private let padding = InlineArray<5, UInt64>(repeating: 0)

  enum Outcome {
    /// The client holds that many pages with the new ones.
    case charged(held: Int)
    /// It holds that many, and with the new ones it would be more than the limit.
    case refused(held: Int)
    /// The entry is not this client's, or not any more.
    case notItsEntry
  }

  /// Charges pages for a buffer, unless the client would then hold more than `limit` pages.
  ///
  /// Threads that charge the same client at once are refused nothing that the limit allows.
  ///
  /// - Parameter limit: at most ``ClientAccount/mostPages``.
  func charge(_ pages: Int, to client: ClientID, limit: Int) -> Outcome {
    // Acquiring: who replaced the entry has reset what follows.
    var seen = load()
    while true {
      guard seen.client == client else { return .notItsEntry }
      guard pages <= limit - seen.pages else { return .refused(held: seen.pages) }
      let wanted = ClientAccount(client, pages: seen.pages + pages)
      let (isDone, found) = account.weakCompareExchange(
        expected: seen.rawValue, desired: wanted.rawValue, successOrdering: .acquiring,
        failureOrdering: .acquiring)
      if isDone {
        buffers.wrappingAdd(1, ordering: .relaxed)
        return .charged(held: wanted.pages)
      }
      seen = ClientAccount(rawValue: found)
    }
  }

  /// Remembers that the client, who still holds them, has held so many pages.
  func notePeak(_ pages: Int) {
    guard pages > peak.load(ordering: .relaxed) else { return }
    peak.max(pages, ordering: .relaxed)
  }

  /// Takes a buffer's charge back; traps when the client holds less.
  func uncharge(_ pages: Int) {
    buffers.wrappingSubtract(1, ordering: .relaxed)
    // Releasing: `replace(_:with:pages:)` acquires it and finds everything counted.
    let before = account.wrappingSubtract(UInt64(UInt32(pages)), ordering: .releasing).oldValue
    precondition(ClientAccount(rawValue: before).pages >= pages, "a charge is taken back twice")
  }

  func load() -> ClientAccount {
    ClientAccount(rawValue: account.load(ordering: .acquiring))
  }

  /// Makes the entry another client's, who holds a buffer of `pages` pages then, or nothing.
  ///
  /// - Parameter seen: vacant or idle, as it was loaded last.
  /// - Returns: false when the client that has it holds pages again.
  /// - Context: the table's lock is held, which guards what client an entry is of.
  func replace(_ seen: ClientAccount, with client: ClientID, pages: Int) -> Bool {
    // Nobody can charge the old client's entry any more, nor yet the new one's.
    let (isDone, _) = account.compareExchange(
      expected: seen.rawValue, desired: ClientAccount.vacant.rawValue,
      successOrdering: .acquiring, failureOrdering: .relaxed)
    guard isDone else { return false }
    buffers.store(pages > 0 ? 1 : 0, ordering: .relaxed)
    peak.store(0, ordering: .relaxed)
    // Releasing: pairs with `load()`.
    account.store(ClientAccount(client, pages: pages).rawValue, ordering: .releasing)
    return true
  }

  /// What the entry says, in figures that are not of one instant.
  func holdings() -> ClientHoldings {
    let account = load()
    return ClientHoldings(
      client: account.client == .invalid ? nil : account.client, pages: PageCount(account.pages),
      buffers: buffers.load(ordering: .relaxed), peak: PageCount(peak.load(ordering: .relaxed)))
  }
}
