// SPDX-License-Identifier: MIT

import Glibc
import LinuxHost
import Testing

/// A memory control group with a limit, which a test's child process enters.
///
/// Where the machine has no memory controller, or does not let us make groups, ``isPossible`` is false.
struct TestControlGroup {
  let group: ControlGroup

  /// The folder in which groups are made: the top of what can be seen of the hierarchy.
  private static let top = MemoryLimits.ofProcess.controlGroups().last

  /// Whether groups with limits can be made here.
  static let isPossible: Bool = {
    guard let probe = try? TestControlGroup("probe", byteCount: 1 << 30) else { return false }
    probe.remove()
    return true
  }()

  /// Makes a group.
  init(_ name: String, byteCount: Int) throws {
    try self.init(name, of: getpid())
    if group.version == .v2, let top = Self.top {
      // Fails where it is on already and may not be changed.
      _ = try? Self.write("+memory", to: top.folder + "/cgroup.subtree_control")
    }
    try #require(mkdir(group.folder, 0o755) == 0 || errno == EEXIST)
    do {
      try Self.write("\(byteCount)", to: group.folder + "/" + limitName)
    } catch {
      remove()
      throw error
    }
  }

  private init(_ name: String, of process: pid_t) throws {
    let top = try #require(Self.top)
    group = ControlGroup(top.version, folder: "\(top.folder)/dmaheap-tests-\(process)-\(name)")
  }

  private var limitName: String {
    group.version == .v2 ? "memory.max" : "memory.limit_in_bytes"
  }

  /// In a child process: moves it to the group that its parent made.
  static func enter(_ name: String) throws {
    let own = try TestControlGroup(name, of: getppid())
    try write("0", to: own.group.folder + "/cgroup.procs")
    try #require(MemoryLimits.ofProcess.controlGroups().first == own.group)
  }

  /// How many processes were killed for want of memory.
  var killCount: Int? {
    let file = group.version == .v2 ? "memory.events" : "memory.oom_control"
    return RootFolder.machine.read("\(group.folder)/\(file)")?.number(after: "oom_kill ")
  }

  /// Removes the group; nobody may be in it.
  func remove() { rmdir(group.folder) }

  private static func write(_ text: String, to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CLOEXEC)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    try #require(Glibc.write(descriptor, text, text.utf8.count) == text.utf8.count)
  }
}
