// SPDX-License-Identifier: MIT

/// What the core runs on: locks, CPUs and threads, whatever memory there is.
///
/// Registries and counters need no more than this. What memory needs besides is ``PageSource``.
public protocol Machine: Sendable {
  /// The host's lock.
  associatedtype Lock: HostLock & ~Copyable

  /// Which shard the calling thread should use: any number, best its CPU's.
  ///
  /// - Complexity: O(1), a few nanoseconds: every give and take asks.
  var currentShard: Int { get }

  /// Whether the caller is being killed, so that long work must stop (S1).
  ///
  /// - Context: no lock held; does not block.
  var isCallerKilled: Bool { get }

  /// Lets whoever waits for this CPU run, and returns at once if nobody does (U3).
  ///
  /// Every loop of the core that can run long calls it, see ``WorkStride``. A thread that the system
  /// freezes may stop here.
  ///
  /// - Context: no lock held; may block.
  func letOthersRun()

  /// Waits a moment, while the caller waits for another thread.
  ///
  /// - Context: no lock held; may block.
  func relax()
}

extension Machine {
  /// Which of `count` shards the calling thread should use first.
  ///
  /// - Parameter count: 1 or more.
  @inlinable
  public func homeShard(of count: Int) -> Int {
    let hint = currentShard
    return hint >= 0 && hint < count ? hint : abs(hint % count)
  }
}
