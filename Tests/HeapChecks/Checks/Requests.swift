// SPDX-License-Identifier: MIT

import CHeapChecks
import Glibc

/// H3: which requests a heap takes, what the others get, and that they leave nothing behind.
extension Check {
  static let requests: [Check] = [
    Check("request-fields", "each field with values that are and are not allowed", body: fields),
    Check("request-commands", "commands that are no allocation", body: commands),
    Check("request-sizes", "structs shorter and longer than the ABI's", body: structSizes),
    Check("request-directions", "commands that read or write no struct", body: directions),
    Check("request-addresses", "structs where nothing can be read or written", body: addresses),
    Check("request-lengths", "lengths that are rounded, overflow or are too large", body: lengths),
    Check("request-descriptors", "no descriptor left: EMFILE", body: noDescriptors),
  ]

  private static func accept(
    _ node: HeapNode, _ request: AllocationRequest, _ what: String
  ) throws {
    var answer = request
    let expected = DescriptorTable.nextNumber
    do throws(SystemFailure) {
      try node.send(&answer)
    } catch {
      throw CheckFailure("\(what): \(error)")
    }
    // The number is known even where the struct has no place for it.
    defer { close(expected) }
    try require(DescriptorTable.isOpen(expected), "\(what): descriptor \(expected) is not open")
    if let descriptor = answer.descriptor, request.direction & UInt32(CHECKS_READ) != 0 {
      try require(
        descriptor == UInt32(expected), "\(what): the answer is \(descriptor), not \(expected)")
    }
    try require(answer.hasUntouchedRest, "\(what): bytes behind the struct have changed")
  }

  private static func refuse(
    _ node: HeapNode, _ request: AllocationRequest, _ errorNumber: Int32, _ what: String
  ) throws {
    var request = request
    let sent = request.bytes
    try requireFailure(errorNumber, of: what) { () throws(SystemFailure) in
      try node.send(&request)
    }
    try require(request.bytes == sent, "\(what): refused, but the struct has changed")
  }

  private static func fields(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    for flags in [O_RDONLY, O_WRONLY, O_RDWR, O_CLOEXEC, O_RDWR | O_CLOEXEC] {
      try accept(node, AllocationRequest(flags: UInt32(flags)), "flags \(flags)")
    }
    for bit in 0..<32 where UInt32(1) << bit & UInt32(O_CLOEXEC | O_ACCMODE) == 0 {
      try refuse(
        node, AllocationRequest(flags: 1 << bit | UInt32(O_RDWR)), EINVAL, "flag bit \(bit)")
    }
    for descriptor in [1, 5, 1 << 16, UInt32.max] {
      try refuse(node, AllocationRequest(descriptor: descriptor), EINVAL, "fd \(descriptor)")
    }
    for bit in 0..<64 {
      try refuse(node, AllocationRequest(heapFlags: 1 << bit), EINVAL, "heap flag bit \(bit)")
    }
    try baseline.requireReturn("after 101 requests")
    return "5 accepted, 98 refused"
  }

  private static func commands(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    for number in [1, 2, 127, 255] as [UInt32] {
      var request = AllocationRequest()
      request.number = number
      try refuse(node, request, EINVAL, "command number \(number)")
      // The command is looked at first, before anything is read.
      let command = request.command
      try requireFailure(EINVAL, of: "command number \(number) without a struct") {
        () throws(SystemFailure) in try node.send(command, at: nil)
      }
    }
    var types = 0
    if context.isStrict {
      // The kernel's own heaps look at the number alone.
      for type in [0, UInt32(UInt8(ascii: "G")), UInt32(UInt8(ascii: "h")), 255] {
        var request = AllocationRequest()
        request.type = type
        try refuse(node, request, EINVAL, "command type \(type)")
        types += 1
      }
    }
    for (name, call) in [
      ("read", { () throws(SystemFailure) in try node.read() }),
      ("mmap", { () throws(SystemFailure) in try node.map() }),
      ("lseek", { () throws(SystemFailure) in try node.seek() }),
    ] {
      try requireFailure(EINVAL, ENODEV, ESPIPE, of: "\(name) of the node", call)
    }
    try baseline.requireReturn("after commands")
    return "4 numbers and \(types) types refused"
  }

  private static func structSizes(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    // Behind 128 bytes the kernel's own heaps take another path; 16383 is the most a command can say.
    let sizes = [8, 12, 16, 20, 24, 25, 32, 64, 128, 129, 256, 4096, 16383]
    for size in sizes {
      try accept(node, AllocationRequest(byteCount: size), "struct of \(size) bytes")
      try refuse(
        node, AllocationRequest(byteCount: size, length: 0), EINVAL, "no length in \(size) bytes")
    }
    // The part of a field that is there counts.
    try refuse(
      node, AllocationRequest(byteCount: 20, heapFlags: 1), EINVAL, "heap flag in 20 bytes")
    try refuse(
      node, AllocationRequest(byteCount: 12, descriptor: 1), EINVAL, "fd 1 in 12 bytes")
    try refuse(
      node, AllocationRequest(byteCount: 14, flags: UInt32(O_NONBLOCK)), EINVAL,
      "flags in 14 bytes")
    // Too short even for a length: what is missing reads as zero.
    try accept(node, AllocationRequest(byteCount: 3, length: 8192), "struct of 3 bytes")
    try refuse(node, AllocationRequest(byteCount: 0), EINVAL, "struct of 0 bytes")
    try baseline.requireReturn("after structs of \(sizes.count) sizes")
    return "\(sizes.count) sizes"
  }

  private static func directions(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    var request = AllocationRequest()
    request.direction = UInt32(CHECKS_WRITE)
    let expected = DescriptorTable.nextNumber
    try node.send(&request)
    try require(request.descriptor == 0, "the kernel wrote into a struct it may only read")
    try require(DescriptorTable.isOpen(expected), "descriptor \(expected) is not open")
    close(expected)
    for direction in [0, UInt32(CHECKS_READ)] {
      var request = AllocationRequest()
      request.direction = direction
      // What the struct says afterwards is left open: the kernel's own heaps answer with zeros.
      try requireFailure(EINVAL, of: "a command that gives no struct, direction \(direction)") {
        () throws(SystemFailure) in try node.send(&request)
      }
    }
    try baseline.requireReturn("after commands of all directions")
    return "3 directions"
  }
}
