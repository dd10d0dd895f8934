// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc
internal import PagePools

/// Finds out what memory this process may still have: by its control groups, its resource limits and the machine.
///
/// Limits and groups can change at any time, so everything is read anew at each look; only what
/// `/proc/self/mountinfo` says, which is long, is kept for as long as the process stays in its group.
package final class MemoryLimits: Sendable {
  private let root: RootFolder
  private let addressSpaceLimit: @Sendable () -> Int?
  private let groups = Locked<Groups, FutexLock>(Groups())

  private struct Groups {
    var membership: FileText?
    var found: [ControlGroup] = []
  }

  /// Those of this process.
  package static let ofProcess = MemoryLimits()

  /// Limits as files below a root say.
  ///
  /// - Parameters:
  ///   - root: where `/proc` and the control groups are.
  ///   - addressSpaceLimit: asked for bytes at each look, nil for none.
  package init(
    root: RootFolder = .machine,
    addressSpaceLimit: @escaping @Sendable () -> Int? = {
      ResourceLimit.softLimit(SHIM_RLIMIT_AS)
    }
  ) {
    self.root = root
    self.addressSpaceLimit = addressSpaceLimit
  }

  /// What memory this process may still have.
  ///
  /// - Complexity: about 100 µs: a dozen small files.
  /// - Context: system calls; blocks.
  package func allowance() -> MemoryAllowance {
    var rooms = controlGroups().flatMap { $0.rooms(in: root) }
    if let room = addressSpace() { rooms.append(room) }
    return MemoryAllowance(machine(), rooms)
  }

  /// The memory control groups that this process is in, its own first.
  package func controlGroups() -> [ControlGroup] {
    guard let membership = root.read("/proc/self/cgroup") else { return [] }
    let known = groups.withLock { $0.membership == membership ? $0.found : nil }
    if let known { return known }
    guard let mounts = root.read("/proc/self/mountinfo") else { return [] }
    let found = ControlGroupFinder.groups(membership: membership, mounts: mounts)
    groups.withLock { $0 = Groups(membership: membership, found: found) }
    return found
  }

  private func machine() -> MemoryRoom {
    let memory = root.read("/proc/meminfo")
    let total = memory?.number(after: "MemTotal:").map { $0 << 10 } ?? MachineMemory.totalByteCount
    return MemoryRoom(
      limit: MemoryLimit(.machine, name: "MemTotal", path: "/proc/meminfo", byteCount: total),
      available: memory?.number(after: "MemAvailable:").map { $0 << 10 } ?? total)
  }

  private func addressSpace() -> MemoryRoom? {
    guard let limit = addressSpaceLimit(), let pages = root.read("/proc/self/statm")?.number else {
      return nil
    }
    return MemoryRoom(
      limit: MemoryLimit(.process, name: "RLIMIT_AS", byteCount: limit),
      available: limit - PageCount(pages).byteCount)
  }
}
