// SPDX-License-Identifier: MIT

import CHeapChecks
import CLinuxShims
import Glibc

/// H4 and H6: what devices and the kernel do to a buffer, with the importer in `VM/importer`.
extension Check {
  static let importers: [Check] = [
    Check("import-device-writes", "what a device wrote is gone when its pages come again", .special)
    { context in
      var rounds = 0
      for device in try hasCopying() ? [Importer.Device.plain, .copying] : [.plain] {
        for direction in [Importer.Direction.fromDevice, .both] {
          rounds += try recycle(context) { importer, byteCount in
            try importer.attach(device)
            try importer.map(device, direction)
            for offset in edges(byteCount) { try importer.write(device, marks, at: offset) }
            try importer.unmap(device)
            try importer.detach(device)
          }
        }
      }
      return "\(rounds) times the same pages"
    },
    Check("import-kernel-writes", "and what the kernel wrote through its mapping", .special) {
      context in
      let rounds = try recycle(context) { importer, byteCount in
        try importer.mapForKernel()
        for offset in edges(byteCount) { try importer.writeThroughKernel(marks, at: offset) }
        try importer.unmapForKernel()
      }
      return "\(rounds) times the same pages"
    },
    Check("import-kernel-mapping", "the kernel maps once, until its last user ends", .special) {
      try kernelMapping($0)
    },
    Check("import-directions", "a device reads what was written and writes what is read", .special)
    { try directions($0) },
    Check("import-failures", "each step fails cleanly, and can be made afterwards", .special) {
      try failures($0)
    },
    Check("bus-master", "the same with a device that has a bus of its own", .special) {
      try busMaster($0)
    },
    Check("import-left-open", "a driver that goes with all it holds leaves nothing", .special) {
      try leftOpen($0)
    },
  ]

  /// What is written, anywhere.
  private static let marks = [UInt8](repeating: 0xA7, count: 64)

  static func importSizes(_ context: CheckContext) throws -> [Int] {
    try context.fitting([4096, 69632, (1 << 20) + 69632])
  }

  /// Where a buffer begins and ends, and where its blocks of 1 MiB and 64 KiB meet others.
  private static func edges(_ byteCount: Int) -> [Int] {
    [0, 65536 - 32, (1 << 20) - 32, byteCount - 64].filter { $0 >= 0 && $0 + 64 <= byteCount }
  }

  /// Allocates, has somebody write, and frees, until pages that were written come again, for each size.
  ///
  /// No process can write: the descriptor is for reading. So all the module knows is what the importer does.
  ///
  /// - Returns: how often pages came again.
  private static func recycle(
    _ context: CheckContext, _ sizes: [Int]? = nil, _ write: (Importer, Int) throws -> Void
  ) throws -> Int {
    let node = try context.node
    let baseline = try Baseline()
    var again = 0
    for byteCount in try sizes ?? importSizes(context) {
      var seen: Set<UInt64> = []
      var came = 0
      for round in 0..<32 where came < 3 {
        let buffer = try node.allocate(byteCount, flags: O_RDONLY | O_CLOEXEC)
        let mapping = try buffer.map(protection: PROT_READ)
        try mapping.requireZero("\(byteCount) bytes, round \(round)")
        try mapping.unmap()
        let importer = try Importer(buffer)
        if !seen.insert(try firstPage(importer)).inserted { came += 1 }
        try write(importer, byteCount)
        importer.close()
        buffer.close()
        if ModuleFiles.areThere { _ = try settledAccounts() }
      }
      try require(came > 0 || !context.isStrict, "\(byteCount) bytes: no page came again")
      again += came
    }
    try baseline.requireReturn("after importers")
    return again
  }

  /// Where a buffer's first page is, found out without writing.
  private static func firstPage(_ importer: Importer) throws -> UInt64 {
    try importer.attach(.plainOther)
    try importer.map(.plainOther, .toDevice)
    let address = try importer.locate(.plainOther, 0)
    try importer.unmap(.plainOther)
    try importer.detach(.plainOther)
    return address
  }

  /// The module's mappings of buffers for the kernel, as the kernel lists them.
  private static func listedMappings() throws -> Int {
    try TextFile.words("/proc/vmallocinfo").count { line in
      line.contains("vmap") && line.contains("[swift_dma_heaps]")
    }
  }

  private static func kernelMapping(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    let before = try listedMappings()
    for byteCount in try importSizes(context) {
      let what = "\(byteCount) bytes"
      let buffer = try node.allocate(byteCount)
      let first = try Importer(buffer)
      let second = try Importer(buffer)
      let address = try first.mapForKernel()
      try require(try second.mapForKernel() == address, "\(what): two users, two mappings")
      if context.isStrict {
        let listed = try listedMappings() - before
        try require(listed == 1, "\(what): \(listed) mappings are listed while there is one")
      }
      try first.unmapForKernel()
      // The other's is still good, at every end.
      for offset in edges(byteCount) {
        try second.writeThroughKernel(marks, at: offset)
        let bytes = try second.readThroughKernel(marks.count, at: offset)
        try require(bytes == marks, "\(what): the kernel does not read what it wrote at \(offset)")
      }
      let mapping = try buffer.map(protection: PROT_READ)
      try require(mapping.byte(at: byteCount - 1) == 0xA7, "\(what): a process does not see it")
      try mapping.unmap()
      try second.unmapForKernel()
      let left = try listedMappings() - before
      try require(left == 0, "\(what): \(left) mappings are left after the last user")
      first.close()
      second.close()
      buffer.close()
    }
    try baseline.requireReturn("after the kernel's mappings")
    return "as many as are used"
  }

  private static func directions(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    let devices: [Importer.Device] = try hasCopying() ? [.plain, .copying] : [.plain]
    for byteCount in try importSizes(context) {
      for device in devices {
        for direction in Importer.Direction.allCases {
          let what = "\(byteCount) bytes, \(device), \(direction)"
          let buffer = try node.allocate(byteCount)
          let mapping = try buffer.map()
          mapping.fill(context.seed)
          let importer = try Importer(buffer)
          try importer.attach(device)
          try importer.map(device, direction)
          if direction != .fromDevice {
            let bytes = try importer.read(device, byteCount)
            try require(mapping.equals(bytes), "\(what): the device reads something else")
          }
          if direction != .toDevice {
            let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 / 64 &+ 1) }
            try importer.write(device, bytes)
            try importer.unmap(device)
            try require(mapping.equals(bytes), "\(what): what the device wrote is not there")
          } else {
            try importer.unmap(device)
            try mapping.requirePattern(context.seed, "\(what): a device that only reads")
          }
          try mapping.unmap()
          importer.close()
          buffer.close()
        }
      }
    }
    try baseline.requireReturn("after all directions")
    return "\(devices.count) devices, 3 directions"
  }

  /// Whether this kernel lets a device have its own way of mapping.
  static func hasCopying() throws -> Bool {
    let importer = try Importer()
    defer { importer.close() }
    do throws(SystemFailure) {
      _ = try importer.syncs(.copying)
      return true
    } catch {
      guard error.errorNumber == ENODEV else { throw error }
      return false
    }
  }

  private static func failures(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    let importer = try Importer()
    try requireFailure(EBADF, of: "no descriptor") { () throws(SystemFailure) in
      try importer.get(-1)
    }
    let file = shim_open("/dev/null", O_RDWR | O_CLOEXEC)
    try requireFailure(EINVAL, of: "no buffer") { () throws(SystemFailure) in
      try importer.get(file)
    }
    close(file)
    let steps: [(String, (Importer) throws(SystemFailure) -> Void)] = [
      ("attach", { (importer) throws(SystemFailure) in try importer.attach(.plain) }),
      ("map", { (importer) throws(SystemFailure) in try importer.map(.plain, .both) }),
      ("unmap", { (importer) throws(SystemFailure) in try importer.unmap(.plain) }),
      ("detach", { (importer) throws(SystemFailure) in try importer.detach(.plain) }),
      ("the kernel's unmap", { (importer) throws(SystemFailure) in try importer.unmapForKernel() }),
    ]
    for (name, step) in steps {
      try requireFailure(EINVAL, of: "\(name) before its time") { () throws(SystemFailure) in
        try step(importer)
      }
    }
    let byteCount = try importSizes(context).last ?? 0
    let buffer = try node.allocate(byteCount)
    try importer.get(buffer.descriptor)
    for device in try hasCopying() ? [Importer.Device.plain, .copying] : [.plain] {
      try importer.attach(device)
      try requireFailure(EBUSY, of: "attached twice") { () throws(SystemFailure) in
        try importer.attach(device)
      }
      if device == .copying { try failToMap(importer, buffer) }
      try importer.map(device, .both)
      try requireFailure(EBUSY, of: "detached while mapped") { () throws(SystemFailure) in
        try importer.detach(device)
      }
      try importer.unmap(device)
      try importer.detach(device)
    }
    importer.close()
    buffer.close()
    try baseline.requireReturn("after failures")
    return "\(steps.count + 4) failures"
  }

  /// A device that cannot map is not mapped: it can try again, and nobody syncs it in between.
  private static func failToMap(_ importer: Importer, _ buffer: DMABuffer) throws {
    let before = try importer.syncs(.copying)
    try requireFailure(ENOMEM, of: "a mapping that fails") { () throws(SystemFailure) in
      try importer.map(.copying, .both, fails: true)
    }
    try importer.begin(.both)
    try importer.end(.both)
    let after = try importer.syncs(.copying)
    try require(after == before, "a device that could not map is synced: \(before), then \(after)")
  }

  /// QEMU's device moves a page at a time, in tenths of a second: a few bytes at every edge are enough.
  private static func busMaster(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    let byteCount = 69632
    let buffer = try node.allocate(byteCount)
    let mapping = try buffer.map()
    mapping.fill(context.seed)
    let importer = try Importer(buffer)
    try importer.attach(.edu)
    try importer.map(.edu, .both)
    for offset in edges(byteCount) {
      let seen = try importer.read(.edu, marks.count, at: offset)
      let ours = (0..<marks.count).map { mapping.byte(at: offset + $0) }
      try require(seen == ours, "the device reads something else at \(offset)")
      try importer.write(.edu, marks, at: offset)
    }
    try buffer.sync(UInt64(DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ))
    for offset in edges(byteCount) {
      let ours = (0..<marks.count).map { mapping.byte(at: offset + $0) }
      try require(ours == marks, "what the device wrote at \(offset) is not there")
    }
    try buffer.sync(UInt64(DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ))
    try mapping.unmap()
    importer.close()
    buffer.close()
    let rounds = try recycle(context, [byteCount]) { importer, byteCount in
      try importer.attach(.edu)
      try importer.map(.edu, .fromDevice)
      for offset in edges(byteCount) { try importer.write(.edu, marks, at: offset) }
      try importer.unmap(.edu)
    }
    try baseline.requireReturn("after a bus master")
    return "\(rounds) times the same pages"
  }

  private static func leftOpen(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    let mappings = try listedMappings()
    for byteCount in try importSizes(context) {
      let child = try ChildProcess {
        exitStatus {
          let buffer = try node.allocate(byteCount)
          let importer = try Importer(buffer)
          try importer.attach(.plain)
          try importer.map(.plain, .both)
          // Kernels that check uses of DMA want no memory mapped for writing by two devices at once.
          try importer.attach(.plainOther)
          try importer.map(.plainOther, .toDevice)
          try importer.mapForKernel()
          // The descriptor goes first, so that the importer alone keeps the buffer.
          buffer.close()
          try importer.write(.plain, marks)
          let bytes = try importer.readThroughKernel(marks.count)
          try require(bytes == marks, "the kernel does not see what the device wrote")
          kill(getpid(), SIGKILL)
        }
      }
      let end = child.wait()
      try require(end == .killed(by: SIGKILL), "the importing child: \(end)")
      try baseline.requireReturn("\(byteCount) bytes, after an importer was killed")
      let left = try listedMappings() - mappings
      try require(left == 0, "\(left) of the kernel's mappings are left")
    }
    return "2 devices and the kernel"
  }
}
