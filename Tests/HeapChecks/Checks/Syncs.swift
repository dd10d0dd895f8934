// SPDX-License-Identifier: MIT

import CHeapChecks
import Glibc

/// H4: access by the CPU is begun and ended for the devices that have the buffer mapped, and for no others. The
/// devices here see a copy, so that a sync that is missing loses data.
extension Check {
  static let syncs: [Check] = [
    Check("sync-mapped", "begin shows what a device wrote, end shows it what we wrote", .special) {
      context in try needCopying { try mapped(context) }
    },
    Check("sync-others", "devices that have nothing mapped are not synced", .special) { context in
      try needCopying { try others(context) }
    },
    Check("sync-two-devices", "each device sees what the one before it wrote", .special) {
      context in try needCopying { try twoDevices(context) }
    },
  ]

  private static func needCopying(_ body: () throws -> String) throws -> String {
    guard try hasCopying() else {
      throw CheckSkipped(reason: "this kernel maps all devices alike")
    }
    return try body()
  }

  private static let read = UInt64(DMA_BUF_SYNC_READ)
  private static let write = UInt64(DMA_BUF_SYNC_WRITE)
  private static let start = UInt64(DMA_BUF_SYNC_START)
  private static let end = UInt64(DMA_BUF_SYNC_END)

  private static func mapped(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    for byteCount in try importSizes(context) {
      let buffer = try node.allocate(byteCount)
      let mapping = try buffer.map()
      let importer = try Importer(buffer)
      try importer.attach(.copying)
      try importer.map(.copying, .both)
      for (round, isKernel) in [false, true].enumerated() {
        let what = "\(byteCount) bytes, \(isKernel ? "kernel" : "ioctl")"
        let theirs = [UInt8](repeating: UInt8(0x11 + round), count: byteCount)
        try importer.write(.copying, theirs)
        try require(!mapping.equals(theirs), "\(what): the device has no copy of its own")
        if isKernel { try importer.begin(.both) } else { try buffer.sync(start | read | write) }
        try require(mapping.equals(theirs), "\(what): begin does not show what the device wrote")
        mapping.fill(context.seed &+ UInt64(round))
        if isKernel { try importer.end(.both) } else { try buffer.sync(end | read | write) }
        let seen = try importer.read(.copying, byteCount)
        try require(mapping.equals(seen), "\(what): end does not show the device what we wrote")
      }
      try mapping.unmap()
      importer.close()
      buffer.close()
    }
    try baseline.requireReturn("after syncs")
    return "by ioctl and by a driver"
  }

  private static func others(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    let buffer = try node.allocate(try importSizes(context).last ?? 0)
    let importer = try Importer(buffer)

    func access(_ what: String, wanted: [(Importer.Device, Int)]) throws {
      let before = try wanted.map { try importer.syncs($0.0) }
      try buffer.sync(start | read | write)
      try buffer.sync(end | read | write)
      for ((device, count), before) in zip(wanted, before) {
        let after = try importer.syncs(device)
        try require(
          after.forCPU - before.forCPU == count && after.forDevice - before.forDevice == count,
          "\(what): \(device) is to be synced \(count) times: \(before), then \(after)")
        try require(after.stray == before.stray, "\(what): \(device) is synced without a mapping")
      }
    }

    try importer.attach(.copying)
    try access("attached", wanted: [(.copying, 0), (.copyingOther, 0)])
    try importer.attach(.copyingOther)
    try importer.map(.copying, .both)
    try access("one mapped", wanted: [(.copying, 1), (.copyingOther, 0)])
    try importer.map(.copyingOther, .toDevice)
    try access("both mapped", wanted: [(.copying, 1), (.copyingOther, 1)])
    try importer.unmap(.copying)
    try access("the other mapped", wanted: [(.copying, 0), (.copyingOther, 1)])
    try importer.unmap(.copyingOther)
    try access("none mapped", wanted: [(.copying, 0), (.copyingOther, 0)])
    try importer.detach(.copying)
    try importer.detach(.copyingOther)
    try access("detached", wanted: [(.copying, 0), (.copyingOther, 0)])
    importer.close()
    buffer.close()
    try baseline.requireReturn("after 6 states")
    return "6 states"
  }

  private static func twoDevices(_ context: CheckContext) throws -> String {
    let node = try context.node
    for byteCount in try importSizes(context) {
      let buffer = try node.allocate(byteCount)
      let mapping = try buffer.map()
      mapping.fill(context.seed)
      let importer = try Importer(buffer)
      // A camera writes, a processor changes, a display shows; all are attached all the time.
      for device in [Importer.Device.copying, .copyingOther] { try importer.attach(device) }
      try importer.map(.copying, .fromDevice)
      let frame = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 / 256) }
      try importer.write(.copying, frame)
      try importer.unmap(.copying)

      try importer.map(.copyingOther, .both)
      var seen = try importer.read(.copyingOther, byteCount)
      try require(seen == frame, "\(byteCount) bytes: the second device sees another frame")
      for index in seen.indices { seen[index] ^= 0xFF }
      try importer.write(.copyingOther, seen)
      try importer.unmap(.copyingOther)

      try importer.map(.copying, .toDevice)
      let shown = try importer.read(.copying, byteCount)
      try require(shown == seen, "\(byteCount) bytes: the first device sees an old frame")
      try importer.unmap(.copying)
      try require(mapping.equals(seen), "\(byteCount) bytes: the process sees an old frame")
      try mapping.unmap()
      importer.close()
      buffer.close()
    }
    return "3 uses in turn"
  }
}
