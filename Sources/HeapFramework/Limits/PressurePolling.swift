// SPDX-License-Identifier: MIT

public import PagePools

/// When to look whether memory is short, where nothing tells (U2): rarely, and only while something could be
/// given back.
///
/// The worker owns the value and gives the time.
public struct PressurePolling: Sendable, BitwiseCopyable {
  /// 5 s.
  @inlinable
  public static var standardInterval: UInt64 { 5_000_000_000 }

  /// Nanoseconds from one look to the next.
  public let interval: UInt64

  private var next: UInt64 = 0

  /// A worker's polling.
  ///
  /// - Parameter interval: nanoseconds, 1 or more.
  public init(interval: UInt64 = Self.standardInterval) {
    precondition(interval > 0)
    self.interval = interval
  }

  /// Finds out whether it is time to look.
  ///
  /// - Parameters:
  ///   - isAnythingKept: whether a look could lead to anything.
  ///   - now: nanoseconds of a clock that does not go back.
  /// - Returns: whether to look now, and when to ask again; nil: not before something is kept.
  public mutating func turn(isAnythingKept: Bool, now: UInt64) -> (isDue: Bool, until: UInt64?) {
    guard isAnythingKept else { return (false, nil) }
    guard now >= next else { return (false, next) }
    let (end, isBeyondTime) = now.addingReportingOverflow(interval)
    next = isBeyondTime ? .max : end
    return (true, next)
  }
}

extension MemoryPolicy {
  /// Whether so little is available that what is kept should go back: less than what is made ahead of demand
  /// leaves (P9), so that neither undoes the other.
  @inlinable
  public func isShort(available: PageCount) -> Bool { available < headroomAheadOfDemand }
}
