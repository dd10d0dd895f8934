// SPDX-License-Identifier: MIT

import CHeapChecks
import Glibc

/// S1: how hard the kernel is made to try.
extension Check {
  static let efforts: [Check] = [
    Check(
      "orders-effort", "large blocks are taken if there are any, never made", .special,
      needsModule: true, body: ordersEffort)
  ]

  /// What grows when somebody who wants memory reclaims or compacts for it.
  private static let stalls: Set<Substring> = [
    "allocstall_normal", "allocstall_movable", "allocstall_dma32", "compact_stall",
    "pgscan_direct", "pgsteal_direct",
  ]

  /// Memory of this process, every other page of which is free again: the machine has much memory, and next to no
  /// large blocks.
  private static func fragment(leaving rest: Int) throws -> BufferMapping {
    let byteCount = (try Machine.memory("MemFree") - rest) / pageSize * pageSize
    let address = mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let address, address != MAP_FAILED else { throw SystemFailure("mmap") }
    let mapping = BufferMapping(base: address, byteCount: byteCount)
    madvise(address, byteCount, MADV_NOHUGEPAGE)
    for offset in stride(from: 0, to: byteCount, by: pageSize) { mapping.setByte(1, at: offset) }
    for offset in stride(from: 0, to: byteCount, by: 2 * pageSize) {
      if madvise(address + offset, pageSize, MADV_DONTNEED) != 0 { throw SystemFailure("madvise") }
    }
    return mapping
  }

  private static func ordersEffort(_ context: CheckContext) throws -> String {
    let node = try context.node
    try Shrinkers.empty()
    try Machine.dropCaches(3)
    // The kernel tidies up by itself otherwise.
    let tidying = "/proc/sys/vm/compaction_proactiveness"
    if TextFile.exists(tidying) { try TextFile.write("0", to: tidying) }
    let fragmented = try fragment(leaving: 24 << 20)
    defer { try? fragmented.unmap() }

    let large = try Machine.free(fromOrder: 4)
    let free = try Machine.memory("MemFree")
    let asked = ((large >> 20) + 8) << 20
    try require(
      free > asked + (32 << 20),
      "\(free >> 20) MiB are free, \(large >> 20) of them in large blocks: not fragmented")
    let before = try Machine.counters(stalls)
    let buffer = try node.allocate(asked)
    let after = try Machine.counters(stalls)
    buffer.close()
    let grown = after.filter { $0.value > before[$0.key] ?? 0 }
    try require(
      grown.isEmpty,
      "\(free >> 20) MiB are free, yet memory was reclaimed or compacted for \(asked >> 20): "
        + grown.map { "\($0.key) by \($0.value - (before[$0.key] ?? 0))" }.joined(separator: ", "))
    return "\(asked >> 20) MiB, of which at most \(large >> 20) in large blocks"
  }
}
