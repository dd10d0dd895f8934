// SPDX-License-Identifier: MIT

import CHeapChecks
import Glibc
import TestSupport

/// H4: mappings of all and of part of a buffer, and what their protection allows.
extension Check {
  static let mappings: [Check] = [
    Check("map-parts", "any part shows what the whole has there", body: parts),
    Check("map-ends", "nothing beyond the buffer can be mapped", body: ends),
    Check("map-protection", "the descriptor's access mode is the most a mapping can do") {
      try protection($0)
    },
    Check("map-private", "a private mapping never writes to the buffer", body: privateMapping),
    Check("map-pins", "pages cannot be held on to behind the buffer's back", body: pins),
  ]

  /// A size that has all kinds of blocks in it.
  private static func mixedSize(_ context: CheckContext) throws -> Int {
    try context.fitting([69632, (2 << 20) + 69632 + 4096]).last ?? 0
  }

  private static func parts(_ context: CheckContext) throws -> String {
    let node = try context.node
    var random = context.random
    let baseline = try Baseline()
    let buffer = try node.allocate(try mixedSize(context))
    let whole = try buffer.map()
    whole.fill(context.seed)
    for round in 0..<64 {
      let first = random.below(buffer.pages)
      let count = 1 + random.below(buffer.pages - first)
      let (offset, byteCount) = (first * pageSize, count * pageSize)
      let what = "round \(round), \(byteCount) bytes at \(offset)"
      let part = try buffer.map(offset: offset, byteCount: byteCount)
      try part.requirePattern(context.seed, offset: offset, what)
      // It is the memory itself, not a copy.
      let place = random.below(byteCount)
      let before = part.byte(at: place)
      part.setByte(~before, at: place)
      let seen = whole.byte(at: offset + place)
      try require(seen == ~before, "\(what): byte \(place) is written, but not in the whole")
      part.setByte(before, at: place)
      try part.unmap()
    }
    try whole.unmap()
    buffer.close()
    try baseline.requireReturn("after 64 parts")
    return "64 parts of \(buffer.pages) pages"
  }

  private static func ends(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    // Not a whole number of pages: the rest of the last page belongs to the buffer, the next does not.
    let buffer = try node.allocate(3 * pageSize - 100)
    let end = buffer.pages * pageSize
    for (offset, byteCount) in [
      (end, pageSize), (0, end + pageSize), (end - pageSize, 2 * pageSize), (1 << 40, pageSize),
      (Int.max / pageSize * pageSize - pageSize, pageSize),
    ] {
      try requireFailure(EINVAL, EOVERFLOW, of: "\(byteCount) bytes at \(offset)") {
        () throws(SystemFailure) in
        try buffer.map(offset: offset, byteCount: byteCount).unmap()
      }
    }
    let mapping = try buffer.map()
    try requireFailure(EFAULT, EINVAL, ENOMEM, of: "growing a mapping") {
      () throws(SystemFailure) in try mapping.resize(2 * end)
    }
    try mapping.resize(pageSize)
    mapping.fill(1)
    try mapping.unmap()
    buffer.close()
    try baseline.requireReturn("after mappings at the end")
    return "5 mappings and 1 growth refused"
  }

  private static func protection(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()

    let readable = try node.allocate(69632, flags: O_RDONLY | O_CLOEXEC)
    try requireFailure(EACCES, of: "O_RDONLY, mapped for writing") { () throws(SystemFailure) in
      try readable.map().unmap()
    }
    let reading = try readable.map(protection: PROT_READ)
    try requireFailure(EACCES, of: "O_RDONLY, made writable") { () throws(SystemFailure) in
      try reading.protect(PROT_READ | PROT_WRITE)
    }
    try reading.requireZero("O_RDONLY")
    try reading.unmap()
    readable.close()

    // Processors cannot write what they cannot read, so the kernel refuses.
    let writable = try node.allocate(69632, flags: O_WRONLY | O_CLOEXEC)
    try requireFailure(EACCES, of: "O_WRONLY, mapped") { () throws(SystemFailure) in
      try writable.map(protection: PROT_WRITE).unmap()
    }
    writable.close()

    let both = try node.allocate(69632)
    let mapping = try both.map()
    mapping.fill(context.seed)
    try mapping.protect(PROT_READ)
    try mapping.requirePattern(context.seed, "made read-only")
    try mapping.protect(PROT_READ | PROT_WRITE)
    mapping.fill(context.seed &+ 1)
    try mapping.protect(PROT_NONE)
    try mapping.protect(PROT_READ)
    try mapping.requirePattern(context.seed &+ 1, "made readable again")
    try mapping.unmap()
    both.close()
    try baseline.requireReturn("after all protections")
    return "3 access modes"
  }

  /// Whether there are private mappings is the kernel's business; that they are private is ours.
  private static func privateMapping(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    var mapped = 0
    for byteCount in [4096, 69632] {
      let buffer = try node.allocate(byteCount)
      let whole = try buffer.map()
      whole.fill(context.seed)
      do throws(SystemFailure) {
        let copy = try buffer.map(flags: MAP_PRIVATE)
        copy.fill(context.seed &+ 1)
        try copy.unmap()
        mapped += 1
      } catch {
        try require(error.errorNumber == EINVAL, "private mapping: \(error)")
      }
      try whole.requirePattern(context.seed, "after a private mapping")
      try whole.unmap()
      buffer.close()
    }
    try baseline.requireReturn("after private mappings")
    // A copy that no device sees is what nobody wants who maps a buffer.
    try require(!context.isStrict || mapped == 0, "\(mapped) of 2 sizes can be mapped privately")
    return "\(mapped) of 2 sizes can be mapped privately"
  }

  /// A page that a pipe or another process's call still holds would be seen by the next owner.
  private static func pins(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    let buffer = try node.allocate(4 * pageSize)
    let mapping = try buffer.map()
    mapping.fill(1)
    var ends: [Int32] = [-1, -1]
    if pipe(&ends) != 0 { throw SystemFailure("pipe") }
    try requireFailure(EFAULT, of: "vmsplice of a mapping") { () throws(SystemFailure) in
      if checks_vmsplice(ends[1], mapping.base, pageSize) < 0 { throw SystemFailure("vmsplice") }
    }
    var copy = [UInt8](repeating: 0, count: pageSize)
    try requireFailure(EFAULT, of: "process_vm_readv of a mapping") { () throws(SystemFailure) in
      if checks_read_by_page(&copy, mapping.base, pageSize) < 0 { throw SystemFailure("readv") }
    }
    for end in ends { close(end) }
    try mapping.unmap()
    buffer.close()
    try baseline.requireReturn("after pins")
    return "2 ways refused"
  }
}
