// SPDX-License-Identifier: MIT

import CHeapChecks
import Glibc

/// The module's worker, kept from working.
///
/// It may run on one CPU only, where a process of the highest priority runs all the time. So what is deferred stays
/// deferred, until somebody else takes it.
final class HeldWorker {
  private let worker: Int32
  private let rival: ChildProcess

  init() throws {
    let last = Machine.processorCount - 1
    guard last > 0 else { throw CheckSkipped(reason: "the worker and we need a CPU each") }
    worker = try Self.find()
    rival = try ChildProcess {
      guard checks_bind(0, last, 1) == 0, checks_set_nice(-20) == 0 else { return 1 }
      while true {}
    }
    if checks_bind(0, 0, last) != 0 || checks_bind(worker, last, 1) != 0 {
      let failure = SystemFailure("sched_setaffinity")
      letGo()
      throw failure
    }
  }

  /// Lets the worker work; to be called once.
  func letGo() {
    rival.kill()
    _ = rival.wait()
    let count = Machine.processorCount
    _ = checks_bind(0, 0, count)
    _ = checks_bind(worker, 0, count)
  }

  private static func find() throws -> Int32 {
    guard let directory = opendir("/proc") else { throw SystemFailure("opendir /proc") }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard let process = Int32(name) else { continue }
      // Names of threads end after 15 letters.
      if let comm = try? TextFile.read("/proc/\(name)/comm"), comm.hasPrefix("swift_dma_heap") {
        return process
      }
    }
    throw CheckFailure("no thread is named swift_dma_heaps")
  }
}
