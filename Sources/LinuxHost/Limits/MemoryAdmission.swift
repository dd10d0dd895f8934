// SPDX-License-Identifier: MIT

internal import Glibc
package import HeapFramework
internal import PagePools

/// The one place where this host decides whether it may take memory (U1).
///
/// The kernel does not ask first: fallocate(2) on a memfd takes page after page until a control group or
/// the machine has none left, and then it kills a process.
final class MemoryAdmission: Sendable {
  private let limits: MemoryLimits
  private let control = Locked<AdmissionControl, FutexLock>(AdmissionControl())
  private let faults: FaultPlan?

  init(_ limits: MemoryLimits, faults: FaultPlan?) {
    self.limits = limits
    self.faults = faults
  }

  /// Takes memory, if there is enough.
  ///
  /// - Parameters:
  ///   - pages: that `body` takes.
  ///   - effort: `.none` for memory that nobody waits for: more must then be left.
  ///   - body: takes them, or fails.
  /// - Throws: ENOMEM, with what is missing and the limit in the way; what `body` throws.
  /// - Complexity: 50 ns while much is left, else as ``MemoryLimits/allowance()``.
  /// - Context: no lock held; blocks.
  func taking<R>(
    _ pages: PageCount, effort: AllocationEffort, _ body: () throws(HostFailure) -> R
  ) throws(HostFailure) -> R {
    try admit(pages, effort)
    defer { control.withLock { $0.finish(pages) } }
    return try body()
  }

  private func admit(_ pages: PageCount, _ effort: AllocationEffort) throws(HostFailure) {
    if let injected = faults?.errorNumber(.checkMemory) {
      throw HostFailure(.checkMemory, injected, byteCount: pages.byteCount)
    }
    let now = UInt64(MonotonicClock.now)
    if control.withLock({ $0.admit(pages, effort: effort, now: now) }) { return }
    let look = control.withLock { $0.beginLook() }
    let allowance = limits.allowance()
    let missing = control.withLock {
      $0.admit(
        pages, effort: effort, seeing: PageCount(inBytes: allowance.available),
        of: MemoryPolicy(allowance), in: look, now: now)
    }
    guard missing > .zero else { return }
    throw HostFailure(
      .checkMemory, ENOMEM, byteCount: pages.byteCount, missingByteCount: missing.byteCount,
      limit: allowance.narrowest)
  }
}

extension MemoryPolicy {
  /// The policy for what a process may have.
  package init(_ allowance: MemoryAllowance) {
    self.init(memory: PageCount(inBytes: allowance.total), pageSize: HostPages.size)
  }
}
