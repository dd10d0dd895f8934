// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc
internal import Synchronization

/// Waits for signs of memory pressure (U2), on a thread of its own: the worker runs when nobody else does, and
/// pressure is when somebody does.
///
/// A source that ends, as when a peer closes its socket, is followed by the next one. Where there is none
/// any more, ``isBlind`` says that somebody must look.
final class PressureWatcher: Sendable {
  private let settings: PressureSettings
  private let wakeEvent: CheckedDescriptor
  private let isStopping = Atomic<Bool>(false)
  private let nothingTells = Atomic<Bool>(false)
  private let wakeUps = Atomic<Int>(0)
  private let report: @Sendable (String) -> Void

  /// - Parameters:
  ///   - settings: of which something is to be watched.
  ///   - report: is told, once for each, of settings that are of no use.
  /// - Throws: EMFILE, ENFILE, ENOMEM.
  init(
    _ settings: PressureSettings, report: @escaping @Sendable (String) -> Void, faults: FaultPlan?
  ) throws(HostFailure) {
    self.settings = settings
    self.report = report
    wakeEvent = CheckedDescriptor(
      OwnedDescriptor(owning: try attempt(.createEvent, faults: faults) { shim_eventfd() }))
  }

  /// Whether nothing tells of pressure, so that somebody must look.
  var isBlind: Bool { nothingTells.load(ordering: .relaxed) }

  /// How often the thread has woken up so far, for tests.
  var wakeUpCount: Int { wakeUps.load(ordering: .relaxed) }

  /// Calls `relieve` at each sign of pressure, until ``stop()`` or until nothing can come any more.
  ///
  /// - Context: the watching thread; blocks.
  func run(_ relieve: () -> Void) {
    if let complaint = settings.complaint { report(complaint) }
    for candidate in settings.candidates where !mustStop {
      do throws(HostFailure) {
        var source = try PressureSource.open(candidate)
        while let sign = wait(for: &source), sign != .end {
          if sign == .pressure { relieve() }
        }
      } catch {
        guard candidate.isAskedFor else { continue }
        let reason = unsafe String(cString: strerror(error.errorNumber))
        report("MEMORY_PRESSURE_WATCH is of no use: \(candidate.path): \(reason)")
      }
    }
    nothingTells.store(settings.isOn && !mustStop, ordering: .relaxed)
  }

  /// Makes ``run(_:)`` return.
  ///
  /// - Returns: false when it will do so at the next sign only: a program has closed what would wake it.
  func stop() -> Bool {
    // Paired with the load in `mustStop`; the event orders them.
    isStopping.store(true, ordering: .relaxed)
    guard wakeEvent.isOurs else { return false }
    // Fails only when the counter is near its maximum, and then a wake-up is pending anyway.
    var one: UInt64 = 1
    return unsafe write(wakeEvent.rawValue, &one, 8) == 8
  }

  private var mustStop: Bool { isStopping.load(ordering: .relaxed) }

  /// - Returns: nil when it is time to stop.
  private func wait(for source: inout PressureSource) -> PressureSource.Sign? {
    var descriptors: InlineArray<2, pollfd> = [
      source.request, pollfd(fd: wakeEvent.rawValue, events: Int16(POLLIN), revents: 0),
    ]
    var list = descriptors.mutableSpan
    // An error can only be EINTR, which is an early return like any other.
    unsafe list.withUnsafeMutableBufferPointer { list in
      _ = unsafe shim_poll(list.baseAddress, Int32(list.count), -1)
    }
    wakeUps.add(1, ordering: .relaxed)
    return mustStop ? nil : source.sign(of: descriptors[0].revents)
  }
}
