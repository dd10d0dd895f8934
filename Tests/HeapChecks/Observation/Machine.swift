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

  /// Counters of `/proc/vmstat`; those that this kernel does not have are left out.
  static func counters(_ names: Set<Substring>) throws -> [Substring: Int] {
    var counts: [Substring: Int] = [:]
    for line in try TextFile.words("/proc/vmstat") {
      if line.count == 2, names.contains(line[0]) { counts[line[0]] = Int(line[1]) }
    }
    return counts
  }

  /// Free bytes in blocks of `order` and above.
  static func free(fromOrder order: Int) throws -> Int {
    var pages = 0
    for line in try TextFile.words("/proc/buddyinfo") {
      // `Node 0, zone Normal` and then one count for each order.
      for (index, count) in line.dropFirst(4).enumerated() where index >= order {
        pages += (Int(count) ?? 0) << index
      }
    }
    return pages * pageSize
  }

  /// The nodes that the machine's memory has.
  static var nodeCount: Int {
    var count = 0
    while TextFile.exists("/sys/devices/system/node/node\(count)") { count += 1 }
    return max(1, count)
  }

  static var processorCount: Int32 { Int32(clamping: sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

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
