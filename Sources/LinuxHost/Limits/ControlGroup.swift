// SPDX-License-Identifier: MIT

/// A memory control group, as its files show it: limits, what is used of them, and what of that is cache.
///
/// - Source: linux Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
package struct ControlGroup: Equatable, Sendable {
  /// Which of the kernel's two interfaces a group has.
  package enum Version: Sendable {
    case v1, v2
  }

  package let version: Version

  /// The group's folder, below the root.
  package let folder: String

  package init(_ version: Version, folder: String) {
    self.version = version
    self.folder = folder
  }

  /// A limit's file, and the file of what counts in it.
  private struct Account {
    let limit: String
    let usage: String
  }

  private var accounts: [Account] {
    switch version {
    // Beyond `high` nobody is killed, but whoever allocates is made to wait for reclaim.
    case .v2:
      [
        Account(limit: "memory.max", usage: "memory.current"),
        Account(limit: "memory.high", usage: "memory.current"),
      ]
    case .v1:
      [
        Account(limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes"),
        Account(limit: "memory.memsw.limit_in_bytes", usage: "memory.memsw.usage_in_bytes"),
      ]
    }
  }

  /// What the group's limits leave, one entry for each limit that there is.
  ///
  /// A limit that cannot be read is none. Cache of files that was not used lately counts as available: the kernel
  /// takes it back before it kills anybody.
  ///
  /// - Complexity: a system call of some µs for each limit, three more for a group that has one.
  /// - Context: blocks.
  package func rooms(in root: RootFolder) -> [MemoryRoom] {
    var rooms: [MemoryRoom] = []
    var cache: Int?
    for account in accounts {
      // What is no number is "max". Version 1 has a number for that, too: the largest in pages.
      guard let limit = root.read("\(folder)/\(account.limit)")?.number, limit < Self.unlimited,
        let usage = root.read("\(folder)/\(account.usage)")?.number
      else { continue }
      let reclaimable = cache ?? inactiveFileCache(in: root)
      cache = reclaimable
      rooms.append(
        MemoryRoom(
          limit: MemoryLimit(.group, name: account.limit, path: folder, byteCount: limit),
          available: limit - max(usage - min(reclaimable, usage), 0)))
    }
    if version == .v1 { rooms += roomOfInvisibleGroups(in: root, cache) }
    return rooms
  }

  /// Limits of groups above this one that this process cannot see, of which version 1 tells the narrowest.
  private func roomOfInvisibleGroups(in root: RootFolder, _ cache: Int?) -> [MemoryRoom] {
    guard
      let limit = root.read("\(folder)/memory.stat")?.number(after: "hierarchical_memory_limit "),
      limit < Self.unlimited, let usage = root.read("\(folder)/memory.usage_in_bytes")?.number
    else { return [] }
    let reclaimable = min(cache ?? inactiveFileCache(in: root), usage)
    return [
      MemoryRoom(
        limit: MemoryLimit(
          .group, name: "hierarchical_memory_limit", path: folder, byteCount: limit),
        available: limit - (usage - reclaimable))
    ]
  }

  private func inactiveFileCache(in root: RootFolder) -> Int {
    let statistics = root.read("\(folder)/memory.stat")
    return switch version {
    case .v2: statistics?.number(after: "inactive_file ") ?? 0
    case .v1: statistics?.number(after: "total_inactive_file ") ?? 0
    }
  }

  /// From here on a limit is none: 4 EiB.
  private static let unlimited = 1 << 62
}
