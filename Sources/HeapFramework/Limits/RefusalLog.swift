// SPDX-License-Identifier: MIT

/// Which refusals are worth a line: of each limit, the total and the clients', one in an interval.
///
/// The owner guards it and gives the time, so that it can be tested without a clock.
public struct RefusalLog: Sendable {
  /// A refusal to be told, and how many of the same limit were not, since the last that was.
  @frozen
  public struct Line: Equatable, Sendable, BitwiseCopyable {
    /// The refusal.
    public let refusal: LimitReached
    /// How many more there were.
    public let suppressed: Int
  }

  /// Five seconds, as the kernel's own limited messages have.
  @inlinable
  public static var standardInterval: UInt64 { 5_000_000_000 }

  private struct Pace {
    var next: UInt64?
    var suppressed = 0
  }

  /// Nanoseconds from one line to the next of the same limit.
  public let interval: UInt64

  private var total = Pace()
  private var clients = Pace()

  /// A log that has told nothing yet.
  ///
  /// - Parameter interval: nanoseconds; 0 tells everything.
  public init(interval: UInt64) {
    self.interval = interval
  }

  /// Counts a refusal.
  ///
  /// - Parameter now: nanoseconds of a clock that does not go back, apart from what CPUs differ by.
  /// - Returns: the line to print, if it is time for one.
  public mutating func record(_ refusal: LimitReached, now: UInt64) -> Line? {
    refusal.holder == .everybody ? record(refusal, now, &total) : record(refusal, now, &clients)
  }

  private func record(_ refusal: LimitReached, _ now: UInt64, _ pace: inout Pace) -> Line? {
    if let next = pace.next, now < next {
      pace.suppressed += 1
      return nil
    }
    let (next, isBeyondTime) = now.addingReportingOverflow(interval)
    pace.next = isBeyondTime ? .max : next
    defer { pace.suppressed = 0 }
    return Line(refusal: refusal, suppressed: pace.suppressed)
  }
}
