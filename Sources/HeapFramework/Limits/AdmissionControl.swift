// SPDX-License-Identifier: MIT

public import PagePools

/// Whether memory may be taken, by what was available when somebody last looked (U1).
///
/// To look costs more than a small block does, and what was seen is soon out of date. So a look is good for a
/// part of what it saw and for some time: the more there is, the more may be taken before the next look;
/// where little is left, every request looks.
///
/// What was admitted shows in no account before it is really there. Therefore each admission is in flight
/// until it is finished, and a look does not count on what it cannot have seen: two threads that look at the
/// same time are not promised the same memory.
///
/// The owner guards the value, looks, and gives the time.
public struct AdmissionControl: Sendable, BitwiseCopyable {
  /// A part of what is available beyond the headroom may be taken before one looks again: one in so many.
  @inlinable
  public static var share: Int { 16 }

  /// Nanoseconds for which a look is good: 100 ms, a thousand times what it costs.
  @inlinable
  public static var standardAge: UInt64 { 100_000_000 }

  /// Nanoseconds for which a look is good.
  public let longestAge: UInt64

  /// Of what the last look saw a part: what must stay available, by policy.
  private var policy = MemoryPolicy(memory: .zero, pageSize: PageSize(shift: 12))

  /// Pages that are thought to be available, and how few of them may be left before one looks again.
  private var estimate = 0
  private var lookAgain = Int.max

  /// When the last look is too old.
  private var expiry: UInt64 = 0

  /// All pages that were ever admitted, and those of them that are in flight no more; both may wrap.
  private var admitted = 0
  private var finished = 0

  /// A look that somebody has begun.
  public struct Look: Sendable, BitwiseCopyable {
    /// What was finished by then, and so can be seen.
    fileprivate let finished: Int
  }

  /// A control that must look first.
  ///
  /// - Parameter longestAge: nanoseconds; 0 looks every time.
  public init(longestAge: UInt64 = Self.standardAge) {
    self.longestAge = longestAge
  }

  /// Admits pages if the last look is good enough for them.
  ///
  /// - Parameters:
  ///   - pages: 0 or more.
  ///   - effort: how much they are wanted; `.none` is ahead of demand.
  ///   - now: nanoseconds of a clock that does not go back.
  /// - Returns: false when the caller must look first; true: ``finish(_:)`` must follow.
  public mutating func admit(_ pages: PageCount, effort: AllocationEffort, now: UInt64) -> Bool {
    let left = estimate - pages.rawValue
    guard now < expiry, left >= lookAgain, left >= policy.headroom(for: effort).rawValue else {
      return false
    }
    estimate = left
    admitted &+= pages.rawValue
    return true
  }

  /// Begins a look; to be called before anything is read.
  public func beginLook() -> Look { Look(finished: finished) }

  /// Admits pages, or not, after a look.
  ///
  /// - Parameters:
  ///   - pages: 0 or more.
  ///   - effort: how much they are wanted; `.none` is ahead of demand.
  ///   - available: pages that the look saw.
  ///   - policy: for all memory that there is, by the look.
  ///   - now: nanoseconds of a clock that does not go back.
  /// - Returns: how many pages too few there are; 0: they are admitted, and ``finish(_:)`` must follow.
  public mutating func admit(
    _ pages: PageCount, effort: AllocationEffort, seeing available: PageCount,
    of policy: MemoryPolicy, in look: Look, now: UInt64
  ) -> PageCount {
    let inFlight = admitted &- look.finished
    let left = available.rawValue - inFlight - pages.rawValue
    let spare = left - policy.headroom(for: effort).rawValue
    guard spare >= 0 else {
      // Whoever comes next looks, too.
      expiry = 0
      return PageCount(-spare)
    }
    self.policy = policy
    estimate = left
    lookAgain = left - spare / Self.share
    let (end, isBeyondTime) = now.addingReportingOverflow(longestAge)
    expiry = isBeyondTime ? .max : end
    admitted &+= pages.rawValue
    return .zero
  }

  /// Tells that admitted pages are there, or will not come: a look sees what is so.
  public mutating func finish(_ pages: PageCount) {
    finished &+= pages.rawValue
  }
}

extension MemoryPolicy {
  /// Pages that an allocation leaves available: more where nobody waits for it.
  func headroom(for effort: AllocationEffort) -> PageCount {
    effort == .none ? headroomAheadOfDemand : headroom
  }
}
