// SPDX-License-Identifier: MIT

import Glibc

/// What the module itself promises: pools, limits, shrinkers, and files that tell of them.
extension Check {
  static let module: [Check] = [
    Check("pool-reuse", "freed memory is pooled, and allocated from there", needsModule: true) {
      try reuse($0)
    },
    Check("pool-limit", "pools stay within page_pool_size, which can change", needsModule: true) {
      try poolLimit($0)
    },
    Check("pool-shrinker", "count and scan of the pools' shrinker", needsModule: true) {
      try shrinker($0)
    },
    Check("files", "heaps, buffers and pools show what is there", needsModule: true) {
      try files($0)
    },
  ]

  /// Allocates, writes and frees `count` buffers, and waits until nothing is deferred.
  static func fillPools(_ node: HeapNode, _ byteCount: Int, count: Int) throws -> Accounts {
    let buffers = try (0..<count).map { _ in try node.allocate(byteCount) }
    for buffer in buffers {
      let mapping = try buffer.map()
      mapping.fill(7)
      try mapping.unmap()
    }
    for buffer in buffers { buffer.close() }
    return try settledAccounts()
  }

  /// The accounts when nothing waits to be freed.
  static func settledAccounts() throws -> Accounts {
    var accounts = try Accounts()
    let isSettled = try Machine.wait(upTo: 30) {
      accounts = try Accounts()
      return accounts.areSettled
    }
    try require(isSettled, "the deferred list is not worked off: \(accounts)")
    return accounts
  }

  private static func reuse(_ context: CheckContext) throws -> String {
    let node = try context.node
    let byteCount = try context.fitting([69632, 1 << 20, 8 << 20]).last ?? 0
    try Shrinkers.empty()
    let pages = byteCount / pageSize
    let filled = try fillPools(node, byteCount, count: 2)
    try require(filled.pooled >= 2 * pages, "2 buffers of \(pages) pages were freed: \(filled)")
    let buffers = try (0..<2).map { _ in try node.allocate(byteCount) }
    let reused = try Accounts()
    try require(
      reused.taken == filled.taken && reused.pooled <= filled.pooled - 2 * pages,
      "2 buffers of \(pages) pages do not come from the pools: \(filled); then \(reused)")
    for buffer in buffers { buffer.close() }
    return "\(2 * pages) pages"
  }

  private static func poolLimit(_ context: CheckContext) throws -> String {
    let node = try context.node
    let byteCount = try context.fitting([69632, 1 << 20]).last ?? 0
    let before = try ModuleFiles.parameter("page_pool_size")
    defer { try? ModuleFiles.setParameter("page_pool_size", before) }
    let filled = try fillPools(node, byteCount, count: 8)
    try require(filled.limit == before, "page_pool_size is \(before): \(filled)")
    // Lowering it is enough; nobody needs to free anything first.
    let low = filled.pooled / 2
    try ModuleFiles.setParameter("page_pool_size", low)
    var accounts = filled
    let isLow = try Machine.wait {
      accounts = try Accounts()
      return accounts.pooled <= low && accounts.limit == low
    }
    try require(isLow, "page_pool_size was set to \(low): \(accounts)")
    let again = try fillPools(node, byteCount, count: 8)
    try require(again.pooled <= low, "over the limit of \(low): \(again)")
    try ModuleFiles.setParameter("page_pool_size", 0)
    let none = try fillPools(node, byteCount, count: 8)
    try require(none.pooled == 0, "nothing may be pooled: \(none)")
    return "limits \(before), \(low) and 0"
  }

  private static func shrinker(_ context: CheckContext) throws -> String {
    let node = try context.node
    let byteCount = try context.fitting([69632, 1 << 20, (1 << 20) + 69632]).last ?? 0
    let filled = try fillPools(node, byteCount, count: 8)
    let count = try ShrinkerFiles.pools.count()
    try require(count == filled.pooled, "count is \(count): \(filled)")
    try require(try ShrinkerFiles.deferred.count() == 0, "nothing is deferred, but counted")
    var before = filled
    var scans = 0
    while before.pooled > 0 {
      // As the kernel asks: a few pages of a node at a time. The last block may be larger than what is asked.
      let nodes = try ShrinkerFiles.pools.counts()
      guard let fullest = nodes.indices.max(by: { nodes[$0] < nodes[$1] }) else { break }
      try ShrinkerFiles.pools.scan(128, node: fullest)
      let after = try Accounts()
      let freed = before.pooled - after.pooled
      let least = min(128, nodes[fullest])
      try require(freed >= least && freed < least + 1024, "128 asked, \(freed) freed: \(before)")
      try require(before.taken - after.taken == freed, "pooled pages are gone, but still taken")
      before = after
      scans += 1
    }
    try require(try ShrinkerFiles.pools.count() == 0, "the pools are empty, but counted")
    try ShrinkerFiles.pools.scan(128)
    return "\(filled.pooled) pages in \(scans) scans"
  }

  private static func files(_ context: CheckContext) throws -> String {
    let node = try context.node
    let byteCount = 69632

    /// The numbers in the heap's line; its name may lack the prefix of the node's.
    func heapLine() throws -> [Int] {
      let lines = try TextFile.words("\(ModuleFiles.debug)/heaps")
      let line =
        lines.first { $0.first.map(String.init) == node.name }
        ?? lines.first { node.name.hasSuffix("-" + ($0.first ?? "?")) }
      guard let line else { throw CheckFailure("heaps: no line for \(node.name)") }
      return line.dropFirst().compactMap { Int($0) }
    }
    /// The lines of `buffers` that name this process and the name given.
    func bufferLines(_ name: String) throws -> Int {
      try TextFile.words("\(ModuleFiles.debug)/buffers").count { line in
        line.contains("\(getpid())") && line.contains("\(byteCount)") && line.last ?? "" == name
      }
    }

    let before = try heapLine()
    try require(before.count == 6, "heaps: \(before.count) numbers and not 6 in a line")
    let buffer = try node.allocate(byteCount)
    try buffer.setName("checked")
    let during = try heapLine()
    try require(
      during[0] == before[0] + 1 && during[1] >= before[1] + byteCount / pageSize
        && during[2] == before[2] + 1 && during[3] == before[3],
      "heaps: \(before), and with one buffer more \(during)")
    try require(try bufferLines("checked") == 1, "buffers: our buffer has no line")
    buffer.close()
    var after = during
    let isBack = try Machine.wait {
      after = try heapLine()
      return after[0] == before[0] && after[1] == before[1] && after[3] == before[3] + 1
    }
    try require(isBack, "heaps: \(before), and after one buffer \(after)")
    try require(try bufferLines("checked") == 0, "buffers: our buffer is gone, its line is not")

    let table = try TextFile.read("\(ModuleFiles.debug)/pools")
    try require(table.contains("total"), "pools: no line with the total")
    return "1 heap, 1 buffer"
  }
}
