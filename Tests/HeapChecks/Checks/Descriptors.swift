// SPDX-License-Identifier: MIT

import CHeapChecks
import Glibc

/// H3 and H4: what a descriptor of a buffer, and a node, can do besides being mapped.
extension Check {
  static let descriptors: [Check] = [
    Check("fd-flags", "access mode and close-on-exec are those asked for", body: flags),
    Check("fd-seek", "the size is where the end is", body: seek),
    Check("fd-sync", "begin and end of access by the CPU", body: sync),
    Check("fd-name", "a buffer's name", body: name),
    Check("node-modes", "every way to open the node is good enough to allocate", body: nodeModes),
  ]

  private static func flags(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    for mode in [O_RDONLY, O_WRONLY, O_RDWR] {
      for closes in [true, false] {
        let buffer = try node.allocate(pageSize, flags: mode | (closes ? O_CLOEXEC : 0))
        try require(buffer.accessMode == mode, "mode \(mode): got \(buffer.accessMode)")
        try require(buffer.isCloseOnExec == closes, "close-on-exec is not \(closes)")
        buffer.close()
      }
    }
    try baseline.requireReturn("after 6 descriptors")
    return "6 descriptors"
  }

  private static func seek(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    for byteCount in [1, 4096, 4097, 69632, 100_000] {
      let buffer = try node.allocate(byteCount)
      let wanted = (byteCount + node.unit - 1) / node.unit * node.unit
      let end = try buffer.seek(0, SEEK_END)
      try require(end == wanted, "\(byteCount) bytes: the end is at \(end)")
      let start = try buffer.seek(0, SEEK_SET)
      try require(start == 0, "\(byteCount) bytes: the start is at \(start)")
      for (offset, whence) in [(1, SEEK_END), (-1, SEEK_END), (4096, SEEK_SET), (0, SEEK_CUR)] {
        try requireFailure(EINVAL, of: "lseek by \(offset) from \(whence)") {
          () throws(SystemFailure) in _ = try buffer.seek(offset, whence)
        }
      }
      buffer.close()
    }
    try baseline.requireReturn("after seeking")
    return "5 sizes"
  }

  private static func sync(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    let (read, write) = (UInt64(DMA_BUF_SYNC_READ), UInt64(DMA_BUF_SYNC_WRITE))
    let end: UInt64 = 4
    let buffer = try node.allocate(69632)
    let mapping = try buffer.map()
    for direction in [read, write, read | write] {
      let pattern = context.seed &+ direction
      try buffer.sync(direction)
      mapping.fill(pattern)
      try buffer.sync(direction | end)
      try buffer.sync(direction)
      try mapping.requirePattern(pattern, "between begin and end")
      try buffer.sync(direction | end)
    }
    // Ends without a beginning, and the reverse, are the clients' business.
    try buffer.sync(read | end)
    try buffer.sync(read)
    for flags in [0, end, read | 8, read | 1 << 32, 1 << 63] {
      try requireFailure(EINVAL, of: "sync flags \(flags)") { () throws(SystemFailure) in
        try buffer.sync(flags)
      }
    }
    try requireFailure(EFAULT, of: "sync without a struct") { () throws(SystemFailure) in
      try buffer.send(checks_sync_command)
    }
    let unknown = checks_command(0, UInt32(UInt8(ascii: "b")), 200, 0)
    try requireFailure(ENOTTY, of: "unknown command") { () throws(SystemFailure) in
      try buffer.send(unknown)
    }
    try mapping.unmap()
    buffer.close()
    try baseline.requireReturn("after sync")
    return "3 directions, 5 flags refused"
  }

  private static func name(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    let buffer = try node.allocate(69632)
    func shown(_ field: Substring) throws -> Substring? {
      let lines = try TextFile.words("/proc/self/fdinfo/\(buffer.descriptor)")
      return lines.first { $0.first == field }?.dropFirst().first
    }
    for name in ["camera", String(repeating: "n", count: 31), "display"] {
      try buffer.setName(name)
      let shown = try shown("name")
      try require(shown ?? "" == name, "named \(name), shown as \(shown ?? "nothing")")
    }
    try requireFailure(EINVAL, of: "a name of 32 bytes") { () throws(SystemFailure) in
      try buffer.setName(String(repeating: "n", count: 32))
    }
    try requireFailure(EFAULT, EINVAL, of: "no name") { () throws(SystemFailure) in
      try buffer.send(checks_set_name_command)
    }
    let size = try shown("size")
    try require(size == "\(buffer.byteCount)", "fdinfo says the size is \(size ?? "nothing")")
    try require(try shown("name") == "display", "a refused name has replaced the old one")
    let exporter = try shown("exp_name") ?? ""
    try require(!exporter.isEmpty, "fdinfo has no exporter")
    buffer.close()
    try baseline.requireReturn("after naming")
    return "exporter \(exporter)"
  }

  private static func nodeModes(_ context: CheckContext) throws -> String {
    let baseline = try Baseline()
    for mode in [O_RDONLY, O_WRONLY, O_RDWR] {
      let node = try HeapNode(context.arguments.heap, flags: mode)
      let buffer = try node.allocate(69632)
      let mapping = try buffer.map()
      try mapping.requireZero("node opened with mode \(mode)")
      mapping.fill(1)
      try mapping.unmap()
      buffer.close()
    }
    try baseline.requireReturn("after 3 nodes")
    return "3 modes"
  }
}
