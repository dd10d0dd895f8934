// SPDX-License-Identifier: MIT

import CMeasurement

/// What a warm cycle costs besides time: allocation calls and system calls of its thread.
struct WarmPathCount: Sendable {
  let cycles: Int

  /// Nil where this build or machine cannot count them.
  let allocationCalls: Int?

  /// Cycles with at least one system call; nil where they cannot be counted.
  let systemCallCycles: Int?
}

/// Counts by a separate pass over warm cycles, never in a timed loop.
struct WarmPathCounter {
  private let countsAllocations: Bool
  private let countsSystemCalls: Bool

  /// Checks first that a known allocation and a known system call are seen.
  init() {
    countsAllocations = Self.seesAllocations()
    countsSystemCalls = Self.seesSystemCalls()
  }

  /// Counts over `cycles` cycles after an uncounted one; `settle` runs before each, uncounted.
  func count(
    _ provider: some MemoryProvider, touched: Bool, cycles: Int, settle: () -> Void
  ) throws(BenchFailure) -> WarmPathCount {
    let traps = countsSystemCalls && measurement_trap_begin() == 0
    defer { if traps { measurement_trap_end() } }
    var allocationCalls = 0
    for cycle in 0...cycles {
      settle()
      let isCounted = cycle > 0
      let before = measurement_allocation_count()
      if traps, isCounted { measurement_trap_arm() }
      defer { measurement_trap_disarm() }
      var memory = try provider.allocate()
      if touched { try provider.write(&memory) }
      provider.release(memory)
      measurement_trap_disarm()
      if isCounted { allocationCalls += Int(measurement_allocation_count() - before) }
    }
    return WarmPathCount(
      cycles: cycles,
      allocationCalls: countsAllocations ? allocationCalls : nil,
      systemCallCycles: traps ? Int(measurement_trap_count()) : nil)
  }

  /// Whether the Swift runtime's allocations reach the counter.
  static func seesAllocations() -> Bool {
    guard measurement_counts_allocations() else { return false }
    let before = measurement_allocation_count()
    let probe = makeProbe()
    let after = measurement_allocation_count()
    return withExtendedLifetime(probe) { after == before + 1 }
  }

  static func seesSystemCalls() -> Bool {
    guard measurement_trap_begin() == 0 else { return false }
    defer { measurement_trap_end() }
    measurement_trap_arm()
    measurement_trap_disarm()
    guard measurement_trap_count() == 0 else { return false }
    measurement_trap_arm()
    measurement_make_system_call()
    measurement_trap_disarm()
    return measurement_trap_count() == 1
  }

  private final class Probe {
    var value = 0
  }

  // Not inlined, or the object would live on the stack.
  @inline(never)
  private static func makeProbe() -> AnyObject { Probe() }
}
