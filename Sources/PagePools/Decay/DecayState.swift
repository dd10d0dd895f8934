// SPDX-License-Identifier: MIT

public import Synchronization

/// Whether the worker knows that something is pooled, which may have to go back one day (U2).
///
/// Gives look at it, so it is one atomic that is seldom written. All else of decay is the worker's: see
/// ``DecayPace``.
@usableFromInline
struct DecayState: ~Copyable, Sendable {
  /// False while the worker sleeps in the belief that nothing is pooled.
  ///
  /// Where no worker asks, it stays true.
  @usableFromInline let isKnown = Atomic<Bool>(true)

  @inlinable
  init() {}

  /// Whether the worker does not know; from now on it does.
  ///
  /// Needs no fence: the worker clears the flag and then takes each shard's lock to look. Whoever gives
  /// before that is seen there, and whoever gives after it sees the flag.
  @inlinable
  var isNews: Bool {
    !isKnown.load(ordering: .relaxed) && !isKnown.exchange(true, ordering: .relaxed)
  }
}
