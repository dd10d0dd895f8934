// SPDX-License-Identifier: MIT

import CLinuxShims
import Glibc

/// H5: a reference of any kind keeps a buffer and what is in it; the last one that goes frees it.
extension Check {
  static let lifetimes: [Check] = [
    Check("life-duplicate", "a duplicated descriptor", body: duplicate),
    Check("life-fork", "a forked child's descriptor", body: childDescriptor),
    Check("life-message", "a descriptor in a message that waits, then received", body: message),
    Check("life-lost-message", "a descriptor in a message nobody receives", body: lostMessage),
    Check("life-mapping", "a mapping, of all or part, moved", body: mapping),
    Check("life-child-mapping", "a forked child's mapping", body: childMapping),
  ]

  /// How a kind of reference is looked at, and how it goes.
  private struct Reference {
    /// Fails unless the contents are those that `fill` wrote.
    var verify: (UInt64) throws -> Void = { _ in }
    let drop: () throws -> Void
  }

  /// Makes a reference with `keep`, closes the buffer, looks at what is left, drops the reference.
  private static func check(
    _ context: CheckContext, _ what: String, _ keep: (DMABuffer) throws -> Reference
  ) throws -> String {
    let node = try context.node
    let sizes = try context.fitting([4096, 69632, 1 << 20, 8 << 20])
    for byteCount in sizes {
      let what = "\(what), \(byteCount) bytes"
      let baseline = try Baseline()
      let buffer = try node.allocate(byteCount)
      let pattern = context.seed &+ UInt64(buffer.byteCount)
      let mapping = try buffer.map()
      mapping.fill(pattern)
      try mapping.unmap()
      let reference = try keep(buffer)
      buffer.close()
      try baseline.requireHeld(buffers: 1, pages: buffer.pages, what)
      try reference.verify(pattern)
      try reference.drop()
      try baseline.requireReturn("\(what), dropped")
    }
    return "\(sizes.count) sizes"
  }

  private static func verify(_ buffer: DMABuffer, _ pattern: UInt64, _ what: String) throws {
    let mapping = try buffer.map(protection: PROT_READ)
    try mapping.requirePattern(pattern, what)
    try mapping.unmap()
  }

  private static func duplicate(_ context: CheckContext) throws -> String {
    try check(context, "duplicate") { buffer in
      let copy = try buffer.duplicate()
      return Reference(verify: { try verify(copy, $0, "duplicate") }, drop: { copy.close() })
    }
  }

  private static func childDescriptor(_ context: CheckContext) throws -> String {
    try check(context, "child") { buffer in
      let byteCount = buffer.byteCount
      let pattern = context.seed &+ UInt64(byteCount)
      let starter = try Starter()
      let child = try ChildProcess {
        starter.wait()
        return exitStatus { try verify(buffer, pattern, "in the child") }
      }
      return Reference(drop: { try release(child, starter) })
    }
  }

  private static func release(_ child: ChildProcess, _ starter: Starter) throws {
    starter.release()
    let end = child.wait()
    try require(end == .exited(0), "the child: \(end)")
  }

  private static func sockets() throws -> (Int32, Int32) {
    var ends: [Int32] = [-1, -1]
    if socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) != 0 {
      throw SystemFailure("socketpair")
    }
    return (ends[0], ends[1])
  }

  private static func message(_ context: CheckContext) throws -> String {
    try check(context, "message") { buffer in
      let (here, there) = try sockets()
      if shim_send_descriptor(here, buffer.descriptor) != 1 { throw SystemFailure("sendmsg") }
      close(here)
      let byteCount = buffer.byteCount
      return Reference(
        verify: { pattern in
          let descriptor = shim_receive_descriptor(there)
          if descriptor < 0 { throw SystemFailure("recvmsg") }
          let received = DMABuffer(owning: descriptor, byteCount: byteCount)
          try verify(received, pattern, "received")
          received.close()
        },
        drop: { close(there) })
    }
  }

  private static func lostMessage(_ context: CheckContext) throws -> String {
    try check(context, "message") { buffer in
      let (here, there) = try sockets()
      if shim_send_descriptor(here, buffer.descriptor) != 1 { throw SystemFailure("sendmsg") }
      return Reference(drop: {
        close(here)
        close(there)
      })
    }
  }

  private static func mapping(_ context: CheckContext) throws -> String {
    _ = try check(context, "mapping") { buffer in
      let mapping = try buffer.map(protection: PROT_READ)
      return Reference(
        verify: { try mapping.requirePattern($0, "mapping") }, drop: { try mapping.unmap() })
    }
    _ = try check(context, "moved mapping") { buffer in
      let mapping = try buffer.map(protection: PROT_READ)
      try mapping.move()
      return Reference(
        verify: { try mapping.requirePattern($0, "moved") }, drop: { try mapping.unmap() })
    }
    return try check(context, "part of a mapping") { buffer in
      let mapping = try buffer.map(protection: PROT_READ)
      let part = mapping.byteCount / 2 / pageSize * pageSize
      if part > 0 { try mapping.unmap(first: part) }
      return Reference(
        verify: { try mapping.requirePattern($0, offset: part, "part") },
        drop: { try mapping.unmap() })
    }
  }

  private static func childMapping(_ context: CheckContext) throws -> String {
    try check(context, "child's mapping") { buffer in
      let pattern = context.seed &+ UInt64(buffer.byteCount)
      let mapping = try buffer.map(protection: PROT_READ)
      let starter = try Starter()
      let child = try ChildProcess {
        buffer.close()
        starter.wait()
        return exitStatus { try mapping.requirePattern(pattern, "in the child") }
      }
      try mapping.unmap()
      return Reference(drop: { try release(child, starter) })
    }
  }
}
