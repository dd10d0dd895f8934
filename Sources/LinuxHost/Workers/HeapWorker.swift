// SPDX-License-Identifier: MIT

internal import Glibc
internal import HeapFramework
internal import PagePools
internal import Synchronization

/// What the worker thread does: it frees what waits, at idle priority, one after the other (D3), fills pools
/// ahead of demand (P9), and gives back what nobody uses (U2).
///
/// A program that frees in a loop would wake the worker each time, for a system call of 5 µs. So the
/// worker naps before it sleeps: while it naps it looks by itself, and nobody need wake it.
final class HeapWorker: Sendable {
  private let memory: BufferMemory<LinuxHost>
  private let decayInterval: UInt64
  private let limits: MemoryLimits
  private let pressure: PressureWatcher?
  private let faults: FaultPlan?
  private let isStopping = Atomic<Bool>(false)

  /// - Parameters:
  ///   - decayInterval: nanoseconds; 0: idle memory stays.
  ///   - limits: what is looked at where nothing tells of pressure.
  ///   - pressure: says whether something does; nil: pressure is not heeded.
  init(
    _ memory: BufferMemory<LinuxHost>, decayInterval: UInt64, limits: MemoryLimits,
    pressure: PressureWatcher?, faults: FaultPlan?
  ) {
    self.memory = memory
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
    var refill = RefillPace(pause: Self.refillPause, poolCapacity: poolCapacity)
    var decay = DecayPace(interval: decayInterval, poolCapacity: poolCapacity)
    var polling = PressurePolling()
    var naps = 0
    while !isStopping.load(ordering: .relaxed) {
      faults?.delayWorker()
      switch memory.workerTurn(&refill, &decay, now: now) {
      case .worked:
        naps = 0
      case .mayRest where naps < Self.napsBeforeSleep:
        naps += 1
        usleep(Self.napMicroseconds)
      case .mayRest(let end):
        // The program can change its limit at any time.
        memory.pools.setBlockLimit(DescriptorLimit.mostPooled)
        let look = lookForPressure(&polling)
        guard memory.deferred.workerMaySleep() else { continue }
        // What is due at a certain time is no sign that somebody is about to free.
        if memory.host.wakeUp.wait(until: [end, look].compactMap(\.self).min()) { naps = 0 }
      }
    }
  }

  /// Looks whether memory is short, where nothing else tells.
  ///
  /// - Returns: when to do so again.
  private func lookForPressure(_ polling: inout PressurePolling) -> UInt64? {
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

  private var now: UInt64 { UInt64(MonotonicClock.now) }

  /// 1 s after memory was short the worker takes some again.
  private static let refillPause: UInt64 = 1_000_000_000

  /// Short beside the time that large memory takes to fill.
  private static let napMicroseconds: UInt32 = 50

  /// 10 ms after the last free the worker sleeps.
  private static let napsBeforeSleep = 200
}
