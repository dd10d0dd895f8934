// SPDX-License-Identifier: MIT

internal import Glibc
internal import HeapFramework
internal import PagePools
internal import Synchronization

/// What the worker thread does: it frees what waits, at idle priority, one after the other (D3), fills pools
/// ahead of demand (P9), and gives back what nobody uses (U2).
///
/// A program that frees in a loop would wake the worker each time, for a system call of 5 µs. So after it has
/// freed something the worker naps before it sleeps: while it naps it looks by itself, and nobody need wake it.
final class HeapWorker: Sendable {
  private let memory: BufferMemory<LinuxHost>
  private let followsDemand: Bool
  private let decayInterval: UInt64
  private let limits: MemoryLimits
  private let pressure: PressureWatcher?
  private let faults: FaultPlan?
  private let isStopping = Atomic<Bool>(false)

  /// - Parameters:
  ///   - followsDemand: whether files to be handed out are made ahead of demand.
  ///   - decayInterval: nanoseconds; 0: idle memory stays.
  ///   - limits: what is looked at where nothing tells of pressure.
  ///   - pressure: says whether something does; nil: pressure is not heeded.
  init(
    _ memory: BufferMemory<LinuxHost>, followsDemand: Bool, decayInterval: UInt64,
    limits: MemoryLimits, pressure: PressureWatcher?, faults: FaultPlan?
  ) {
    self.memory = memory
    self.followsDemand = followsDemand
    self.decayInterval = decayInterval
    self.limits = limits
    self.pressure = pressure
    self.faults = faults
  }

  /// Makes ``run()`` return.
  func stop() {
    // Paired with the load in `run`; the semaphore orders them.
    isStopping.store(true, ordering: .relaxed)
    memory.host.wakeUp.wake()
  }

  /// Works until ``stop()``.
  ///
  /// - Context: the worker's thread; blocks.
  func run() {
    HostThread.lowerPriority()
    let poolCapacity = memory.pools.poolCapacity
    var refill = RefillPace(
      pause: Self.refillPause, poolCapacity: poolCapacity, followsDemand: followsDemand)
    var decay = DecayPace(interval: decayInterval, poolCapacity: poolCapacity)
    var checks = Checks()
    var naps = Naps()
    while !isStopping.load(ordering: .relaxed) {
      faults?.delayWorker()
      let now = UInt64(MonotonicClock.now)
      let isFreeing = memory.deferred.waitingPages > .zero
      let turn = memory.workerTurn(&refill, &decay, now: now)
      if now >= checks.next { check(&checks, now) }
      switch turn {
      case .worked:
        if isFreeing { naps = Naps() }
        memory.host.memoryCameBack()
      case .mayRest where naps.rest > 0:
        usleep(naps.next())
      case .mayRest(let end):
        check(&checks, now)
        guard memory.deferred.workerMaySleep() else { continue }
        memory.host.wakeUp.wait(until: [end, checks.look].compactMap(\.self).min())
      }
    }
  }

  /// What the worker looks at before it sleeps, and now and then while it is busy.
  private struct Checks {
    var polling = PressurePolling()
    /// When to look for pressure, nil for never.
    var look: UInt64?
    /// When a busy worker is to check again.
    var next: UInt64 = 0
  }

  private func check(_ checks: inout Checks, _ now: UInt64) {
    checks.next = now + Self.checkInterval
    // The program can change its limit at any time.
    memory.pools.setBlockLimit(DescriptorLimit.mostPooled)
    checks.look = lookForPressure(&checks.polling, now)
  }

  /// Looks whether memory is short, where nothing else tells.
  ///
  /// - Returns: when to do so again.
  private func lookForPressure(_ polling: inout PressurePolling, _ now: UInt64) -> UInt64? {
    guard let pressure, pressure.isBlind else { return nil }
    let isAnythingKept = memory.pools.reclaimablePages() > .zero
    let turn = polling.turn(isAnythingKept: isAnythingKept, now: now)
    guard turn.isDue else { return turn.until }
    let allowance = limits.allowance()
    if MemoryPolicy(allowance).isShort(available: PageCount(inBytes: allowance.available)) {
      memory.relievePressure()
    }
    return turn.until
  }

  /// 1 s after memory was short the worker takes some again.
  private static let refillPause: UInt64 = 1_000_000_000

  /// 100 ms: what is checked costs a microsecond.
  private static let checkInterval: UInt64 = 100_000_000
}

/// The worker's naps before it sleeps: longer and longer ones, for 10 ms after the last free.
///
/// The first are short beside the time that large memory takes to zero. But whenever the worker has run, a thread that
/// unmaps memory must interrupt its processor (a TLB shootdown: 15 µs in a virtual machine), so there are few.
private struct Naps {
  /// Microseconds.
  private(set) var rest: UInt32 = 10_000
  private var length: UInt32 = 50
  private static let longest: UInt32 = 800

  /// - Returns: microseconds.
  mutating func next() -> UInt32 {
    let nap = min(length, rest)
    rest -= nap
    length = min(length * 2, Self.longest)
    return nap
  }
}
