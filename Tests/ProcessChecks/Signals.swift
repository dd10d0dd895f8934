// SPDX-License-Identifier: MIT

import DMAHeaps
import Glibc
import Synchronization

/// A program whose timer never stops still gets its memory: before Linux 6.6, fallocate(2) on a memfd undoes all
/// it did when a signal comes (U1).
enum Signals {
  private static let count = Atomic<Int>(0)

  /// After so many signals, 10 ms apart, what is asked for does not come any more.
  private static let mostSignals = 12_000

  static func check() throws -> String {
    signal(SIGALRM) { _ in
      guard Signals.count.add(1, ordering: .relaxed).newValue > Signals.mostSignals else { return }
      let text: StaticString = "FAILED signals: they keep memory from coming\n"
      _ = unsafe write(STDOUT_FILENO, text.utf8Start, text.utf8CodeUnitCount)
      _exit(1)
    }
    defer { signal(SIGALRM, SIG_IGN) }
    let interval = timeval(tv_sec: 0, tv_usec: 10_000)
    var timer = itimerval(it_interval: interval, it_value: interval)
    let clock = __itimer_which_t(ITIMER_REAL.rawValue)
    try require(setitimer(clock, &timer, nil) == 0, "setitimer: \(errno)")
    defer {
      var off = itimerval()
      setitimer(clock, &off, nil)
    }
    let system = try HeapSystem()
    let heap = try system.heap(named: "system")
    let byteCount = 512 << 20
    do {
      let buffer = try heap.allocate(byteCount: byteCount)
      try require(buffer.isZero, "a buffer of 512 MiB is not zero")
    }
    system.reclaim()
    try require(
      wait(upTo: 60) {
        system.reclaim()
        return system.statistics().takenByteCount == 0
      }, "the buffer's memory is not back")
    let signalsBefore = count.load(ordering: .relaxed)
    // Small files, whose memory comes by fallocate(2) alone.
    var descriptors: [Int32] = []
    defer { for descriptor in descriptors { close(descriptor) } }
    for _ in 0..<512 {
      descriptors.append(
        try heap.allocateDescriptor(byteCount: (1 << 20) - 4096).relinquish())
    }
    let signals = count.load(ordering: .relaxed)
    try require(signals > signalsBefore && signalsBefore > 0, "no signal came")
    return "512 MiB in one buffer and in 512 descriptors, \(signals) signals"
  }
}
