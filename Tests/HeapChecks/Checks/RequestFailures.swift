// SPDX-License-Identifier: MIT

import CHeapChecks
import Glibc

/// H3: requests that fail after the struct was found valid, or before it could be read.
extension Check {
  static func addresses(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    let command = AllocationRequest().command
    let size = AllocationRequest.standardByteCount

    // Two pages, the second of which is not there.
    let pages = mmap(
      nil, 2 * pageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let pages, pages != MAP_FAILED else { throw SystemFailure("mmap") }
    defer { munmap(pages, 2 * pageSize) }
    munmap(pages + pageSize, pageSize)

    func place(endingAt offset: Int) -> UnsafeMutableRawPointer {
      let request = AllocationRequest()
      let target = pages + offset - size
      request.bytes.withUnsafeBytes { bytes in
        // As far as there is memory.
        let byteCount = min(size, pageSize - offset + size)
        if let source = bytes.baseAddress { memcpy(target, source, byteCount) }
      }
      return target
    }

    let unreadable: [(String, UnsafeMutableRawPointer?)] = [
      ("null", nil),
      ("unmapped", pages + pageSize),
      ("the last 8 bytes unmapped", place(endingAt: pageSize + 8)),
      ("in the kernel's half", UnsafeMutableRawPointer(bitPattern: UInt.max - 4095)),
    ]
    for (what, address) in unreadable {
      try requireFailure(EFAULT, of: "struct \(what)") { () throws(SystemFailure) in
        try node.send(command, at: address)
      }
    }
    try baseline.requireReturn("after unreadable structs")

    // The struct can be read, but not be answered: the descriptor would be lost.
    let unwritable = place(endingAt: pageSize)
    mprotect(pages, pageSize, PROT_READ)
    let next = DescriptorTable.nextNumber
    try requireFailure(EFAULT, of: "struct that cannot be written") { () throws(SystemFailure) in
      try node.send(command, at: unwritable)
    }
    if DescriptorTable.isOpen(next) {
      try require(!context.isStrict, "the answer failed, but descriptor \(next) stays open")
      close(next)
    }
    try baseline.requireReturn("after a struct that cannot be written")
    return "\(unreadable.count) unreadable, 1 unwritable"
  }

  static func lengths(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    for length in [1, 4095, 4096, 4097, 65535, 65537, 1 << 20 | 1] {
      let buffer = try node.allocate(length)
      let end = try buffer.seek(0, SEEK_END)
      try require(end == buffer.pages * pageSize, "\(length) bytes: the end is at \(end)")
      buffer.close()
    }
    // Rounding up to pages passes the end of what 64 bits can say.
    for length in [0, UInt64.max, UInt64.max - 4094] {
      var request = AllocationRequest(length: length)
      try requireFailure(EINVAL, of: "length \(length)") { () throws(SystemFailure) in
        try node.send(&request)
      }
    }
    var tooLarge: [UInt64] = []
    if context.isStrict {
      // The kernel's own heap first takes all memory there is.
      tooLarge = [UInt64.max - 4095, 1 << 63, 1 << 62, 1 << 50, 1 << 44]
      tooLarge.append(UInt64(try Machine.memory("MemTotal")) * 2)
      if node.largestBuffer < Int.max { tooLarge.append(UInt64(node.largestBuffer) + 4096) }
    }
    for length in tooLarge {
      var request = AllocationRequest(length: length)
      let start = Machine.now()
      // No file is that large, so that such a length may also count as an overflow.
      let alternative = length >= 1 << 63 ? EINVAL : ENOMEM
      try requireFailure(ENOMEM, alternative, of: "length \(length)") {
        () throws(SystemFailure) in try node.send(&request)
      }
      let seconds = Machine.now() - start
      try require(seconds < 2, "length \(length): refused only after \(seconds) s")
    }
    try baseline.requireReturn("after all lengths")
    return "7 rounded, 3 overflow, \(tooLarge.count) too large"
  }

  static func noDescriptors(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    let sizes = try context.fitting([4096, 1 << 20, 8 << 20])
    try DescriptorTable.whileFull {
      for size in sizes {
        var request = AllocationRequest(length: UInt64(size))
        try requireFailure(EMFILE, of: "\(size) bytes") { () throws(SystemFailure) in
          try node.send(&request)
        }
        // What is wrong with the request comes before what is wrong with the caller.
        request = AllocationRequest(length: 0)
        try requireFailure(EINVAL, of: "length 0") { () throws(SystemFailure) in
          try node.send(&request)
        }
      }
    }
    try baseline.requireReturn("after EMFILE")
    // The memory of the failed requests can be used.
    for size in sizes { try node.allocate(size).close() }
    try baseline.requireReturn("after buffers")
    return "\(sizes.count) sizes"
  }
}
