// SPDX-License-Identifier: MIT

public import PagePools

extension Shortage {
  /// What a limit refused, as a host's failure carries it.
  @inlinable
  public init(_ refusal: LimitReached) {
    switch refusal.holder {
    case .everybody:
      self.init(of: refusal.asked, .totalLimit(refusal.limit, held: refusal.held))
    case .client(let client):
      self.init(
        of: refusal.asked,
        .clientLimit(refusal.limit, holder: client.rawValue, held: refusal.held))
    case .others:
      self.init(
        of: refusal.asked,
        .clientLimit(refusal.limit, holder: ClientID.invalid.rawValue, held: refusal.held))
    }
  }
}

/// Why a buffer was not charged (ENOMEM): which limit, who holds how much, and what was asked (A3).
///
/// No memory was taken for it, and nobody's has to be given back: what a limit refuses, reclaim does not
/// help.
@frozen
public struct LimitReached: Error, Equatable, Sendable, BitwiseCopyable {
  /// What a limit holds together.
  @frozen
  public enum Holder: Equatable, Sendable, BitwiseCopyable {
    /// All clients: the total limit.
    case everybody
    /// One client.
    case client(ClientID)
    /// Those who found no entry for themselves and share one.
    case others
  }

  /// Whose limit it is.
  public let holder: Holder
  /// What the holder held when it was refused, without what was asked.
  public let held: PageCount
  /// The limit.
  public let limit: PageCount
  /// Who asked.
  public let client: ClientID
  /// What it asked for.
  public let asked: PageCount

  /// A refusal.
  @inlinable
  public init(holder: Holder, held: PageCount, limit: PageCount, client: ClientID, asked: PageCount)
  {
    self.holder = holder
    self.held = held
    self.limit = limit
    self.client = client
    self.asked = asked
  }
}
