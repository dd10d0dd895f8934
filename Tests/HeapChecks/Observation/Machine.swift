// SPDX-License-Identifier: MIT

import Glibc

/// What the kernel says about memory and time.
enum Machine {
  /// A line of `/proc/meminfo`, in bytes.
  static func memory(_ name: Substring) throws -> Int {
    for line in try TextFile.words("/proc/meminfo") where line.first == name && line.count > 1 {
      if let kibibytes = Int(line[1]) { return kibibytes << 10 }
    }
    throw CheckFailure("/proc/meminfo has no \(name)")
  }

  /// How often the kernel has killed a process for want of memory.
  static func killsForMemory() throws -> Int {
    for line in try TextFile.words("/proc/vmstat") where line.first == "oom_kill" {
      if let count = Int(line[1]) { return count }
    }
    throw CheckFailure("/proc/vmstat has no oom_kill")
  }

  /// Drops caches that nobody else needs: 1 pages, 2 slabs (this runs all shrinkers), 3 both.
  static func dropCaches(_ what: Int) throws {
    try TextFile.write("\(what)", to: "/proc/sys/vm/drop_caches")
  }

  /// Seconds since some moment.
  static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// Asks again, for up to `seconds`, until `condition` holds; what it was in the end.
  static func wait(upTo seconds: Double = 5, until condition: () throws -> Bool) rethrows -> Bool {
    let end = now() + seconds
    while now() < end {
      if try condition() { return true }
      usleep(2000)
    }
    return try condition()
  }
}
