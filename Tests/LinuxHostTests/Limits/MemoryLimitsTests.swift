// SPDX-License-Identifier: MIT

import LinuxHost
import Testing

/// What memory a process may have, by the files of a machine that a test lays out (U1).
struct MemoryLimitsTests {
  private static let mebibyte = 1 << 20

  /// A line of mountinfo.
  private static func mount(
    _ type: String, root: String = "/", at point: String, options: String = "rw"
  ) -> String {
    "31 23 0:28 \(root) \(point) rw,relatime shared:5 master:1 - \(type) \(type) \(options)\n"
  }

  private static let v2 = mount("cgroup2", at: "/sys/fs/cgroup")
  private static let v1 =
    mount("cgroup", at: "/sys/fs/cgroup/cpu", options: "rw,cpu")
    + mount("cgroup", at: "/sys/fs/cgroup/memory", options: "rw,memory")

  private func fake(membership: String?, mounts: String?) throws -> FakeRoot {
    let fake = try FakeRoot()
    try fake.writeMachine(total: 8192, available: 4096)
    if let membership { try fake.write("/proc/self/cgroup", membership) }
    if let mounts { try fake.write("/proc/self/mountinfo", mounts) }
    return fake
  }

  private func group(
    max: String? = "max", high: String? = "max", current: Int, inactiveFile: Int = 0
  ) -> [String: String] {
    var files = [
      "memory.current": "\(current << 20)\n",
      "memory.stat":
        "anon 5\nfile 7\nactive_file 99999999\ninactive_file \(inactiveFile << 20)\nslab 1\n",
    ]
    files["memory.max"] = max
    files["memory.high"] = high
    return files
  }

  private func bytes(_ mebibytes: Int) -> String { "\(mebibytes << 20)\n" }

  @Test func withoutGroups_theMachineIsTheLimit() throws {
    let fake = try fake(membership: nil, mounts: nil)
    let allowance = fake.limits().allowance()
    #expect(allowance.available == 4096 << 20)
    #expect(allowance.total == 8192 << 20)
    #expect(allowance.narrowest.holder == .machine)
    #expect(fake.limits().controlGroups().isEmpty)
  }

  @Test func v2_limitIsLessThanTheMachine() throws {
    let fake = try fake(membership: "0::/app\n", mounts: Self.v2)
    try fake.write("/sys/fs/cgroup/app", group(max: bytes(512), current: 200))
    let allowance = fake.limits().allowance()
    #expect(allowance.available == 312 << 20)
    #expect(allowance.total == 512 << 20)
    #expect(
      allowance.narrowest
        == MemoryLimit(
          .group, name: "memory.max", path: "/sys/fs/cgroup/app", byteCount: 512 << 20))
    #expect("\(allowance.narrowest)" == "memory.max of /sys/fs/cgroup/app")
  }

  @Test func v2_cacheThatWasNotUsed_isAvailable_andNoMoreThanIsUsed() throws {
    let fake = try fake(membership: "0::/app\n", mounts: Self.v2)
    try fake.write("/sys/fs/cgroup/app", group(max: bytes(512), current: 500, inactiveFile: 100))
    #expect(fake.limits().allowance().available == 112 << 20)
    try fake.write("/sys/fs/cgroup/app", group(max: bytes(512), current: 500, inactiveFile: 900))
    #expect(fake.limits().allowance().available == 512 << 20)
  }

  @Test func v2_beyondHigh_nothingIsAvailable() throws {
    let fake = try fake(membership: "0::/app\n", mounts: Self.v2)
    try fake.write(
      "/sys/fs/cgroup/app", group(max: bytes(512), high: bytes(256), current: 300))
    let allowance = fake.limits().allowance()
    #expect(allowance.available == 0)
    #expect(allowance.total == 256 << 20)
    #expect(allowance.narrowest.name == "memory.high")
  }

  @Test func v2_nested_theNarrowestCounts_whereverItIs() throws {
    let fake = try fake(membership: "0::/a/b/c\n", mounts: Self.v2)
    // The root of the hierarchy has no such files.
    try fake.write("/sys/fs/cgroup/a", group(max: bytes(1000), current: 990))
    try fake.write("/sys/fs/cgroup/a/b", group(max: bytes(300), current: 100))
    try fake.write("/sys/fs/cgroup/a/b/c", group(current: 50))
    let allowance = fake.limits().allowance()
    #expect(allowance.available == 10 << 20)
    #expect(allowance.narrowest.path == "/sys/fs/cgroup/a")
    #expect(allowance.total == 300 << 20)
    #expect(
      fake.limits().controlGroups().map(\.folder) == [
        "/sys/fs/cgroup/a/b/c", "/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup",
      ])
  }

  @Test func v2_withoutTheController_orWithout_current_limitsNothing() throws {
    let fake = try fake(membership: "0::/app\n", mounts: Self.v2)
    try fake.write("/sys/fs/cgroup/app/cgroup.procs", "1\n")
    #expect(fake.limits().allowance().narrowest.holder == .machine)
    try fake.write("/sys/fs/cgroup/app/memory.max", bytes(1))
    #expect(fake.limits().allowance().narrowest.holder == .machine)
    try fake.write("/sys/fs/cgroup/app/memory.current", "0\n")
    #expect(fake.limits().allowance().available == 1 << 20, "memory.stat need not be there")
  }

  @Test func v2_zero_isALimit() throws {
    let fake = try fake(membership: "0::/app\n", mounts: Self.v2)
    try fake.write("/sys/fs/cgroup/app", group(max: "0\n", current: 3))
    #expect(fake.limits().allowance().total == 0)
    #expect(fake.limits().allowance().available == 0)
  }

  private static let v1Unlimited = "9223372036854771712\n"

  private func v1Group(
    limit: String, usage: Int, inactiveFile: Int = 0, hierarchical: String = v1Unlimited
  ) -> [String: String] {
    [
      "memory.limit_in_bytes": limit, "memory.usage_in_bytes": "\(usage << 20)\n",
      "memory.stat":
        "cache 1\ninactive_file 7\nhierarchical_memory_limit \(hierarchical)"
        + "total_cache 1\ntotal_inactive_file \(inactiveFile << 20)\n",
    ]
  }

  @Test func v1_limitsOfAllGroupsAbove() throws {
    let fake = try fake(membership: "4:cpu:/x\n3:memory:/a/b\n", mounts: Self.v1)
    try fake.write(
      "/sys/fs/cgroup/memory/a/b",
      v1Group(limit: bytes(400), usage: 150, inactiveFile: 20, hierarchical: bytes(400)))
    try fake.write(
      "/sys/fs/cgroup/memory/a", v1Group(limit: bytes(900), usage: 800, hierarchical: bytes(900)))
    try fake.write("/sys/fs/cgroup/memory", v1Group(limit: Self.v1Unlimited, usage: 5000))
    let allowance = fake.limits().allowance()
    #expect(allowance.available == 100 << 20)
    #expect(allowance.total == 400 << 20)
    #expect(
      allowance.narrowest
        == MemoryLimit(
          .group, name: "memory.limit_in_bytes", path: "/sys/fs/cgroup/memory/a",
          byteCount: 900 << 20))
  }

  @Test func v1_theHugeNumber_isNoLimit() throws {
    let fake = try fake(membership: "3:memory:/a\n", mounts: Self.v1)
    try fake.write("/sys/fs/cgroup/memory/a", v1Group(limit: Self.v1Unlimited, usage: 5000))
    #expect(fake.limits().allowance().narrowest.holder == .machine)
    #expect(fake.limits().allowance().total == 8192 << 20)
  }

  @Test func v1_limitsThatCannotBeSeen_areTold() throws {
    // What is mounted is the group itself, and the limit stands above it.
    let mounts = Self.mount(
      "cgroup", root: "/box/a", at: "/sys/fs/cgroup/memory", options: "rw,memory")
    let fake = try fake(membership: "3:memory:/box/a\n", mounts: mounts)
    try fake.write(
      "/sys/fs/cgroup/memory",
      v1Group(limit: Self.v1Unlimited, usage: 100, inactiveFile: 10, hierarchical: bytes(256)))
    let allowance = fake.limits().allowance()
    #expect(allowance.total == 256 << 20)
    #expect(allowance.available == 166 << 20)
    #expect(allowance.narrowest.name == "hierarchical_memory_limit")
  }

  @Test func v1_memoryAndSwapTogether_areALimit() throws {
    let fake = try fake(membership: "3:memory:/a\n", mounts: Self.v1)
    try fake.write("/sys/fs/cgroup/memory/a", v1Group(limit: bytes(500), usage: 100))
    try fake.write(
      "/sys/fs/cgroup/memory/a",
      [
        "memory.memsw.limit_in_bytes": bytes(500), "memory.memsw.usage_in_bytes": bytes(480),
      ])
    #expect(fake.limits().allowance().available == 20 << 20)
    #expect(fake.limits().allowance().narrowest.name == "memory.memsw.limit_in_bytes")
  }

  /// Both hierarchies are mounted, and version 1 has the controller.
  @Test func hybrid_theHierarchyWithTheControllerCounts() throws {
    let fake = try fake(
      membership: "3:cpu,memory:/a\n1:name=systemd:/a\n0::/b\n",
      mounts: Self.mount("cgroup2", at: "/sys/fs/cgroup/unified")
        + Self.mount("cgroup", at: "/sys/fs/cgroup/cpu,memory", options: "rw,cpu,memory"))
    try fake.write("/sys/fs/cgroup/unified/b", group(max: bytes(1), current: 0))
    try fake.write(
      "/sys/fs/cgroup/cpu,memory/a", v1Group(limit: bytes(300), usage: 100))
    #expect(fake.limits().allowance().available == 200 << 20)
  }

  /// Both hierarchies are mounted, and version 2 has the controller.
  @Test func hybrid_memoryInVersion2() throws {
    let fake = try fake(
      membership: "3:cpu:/a\n1:name=systemd:/a\n0::/b\n",
      mounts: Self.mount("cgroup", at: "/sys/fs/cgroup/cpu", options: "rw,cpu")
        + Self.mount("cgroup2", at: "/sys/fs/cgroup/unified"))
    try fake.write("/sys/fs/cgroup/unified/b", group(max: bytes(100), current: 1))
    #expect(fake.limits().allowance().available == 99 << 20)
  }

  @Test(arguments: [
    // The group's own namespace: its root is the group.
    ("0::/\n", "/", ["/sys/fs/cgroup"]),
    // The machine's namespace, but only the group is mounted.
    ("0::/docker/ab\n", "/docker/ab", ["/sys/fs/cgroup"]),
    ("0::/docker/ab/c\n", "/docker/ab", ["/sys/fs/cgroup/c", "/sys/fs/cgroup"]),
    // A mount of the parent's namespace.
    ("0::/../x\n", "/..", ["/sys/fs/cgroup/x", "/sys/fs/cgroup"]),
    // Outside of what is mounted.
    ("0::/../x\n", "/", []),
    ("0::/docker/abc\n", "/docker/ab", []),
    ("0::/\n", "/docker/ab", []),
    // Nothing that is known.
    ("", "/", []), ("nonsense\n", "/", []), ("3:cpu:/\n", "/", []),
    // Colons in names.
    ("0::/a:b\n", "/", ["/sys/fs/cgroup/a:b", "/sys/fs/cgroup"]),
  ])
  func groups_asTheNamespaceShowsThem(membership: String, root: String, folders: [String]) {
    let found = ControlGroupFinder.groups(
      membership: FileText(bytes: Array(membership.utf8)),
      mounts: FileText(
        bytes: Array(
          (Self.mount("ext4", at: "/") + Self.mount("cgroup2", root: root, at: "/sys/fs/cgroup"))
            .utf8)))
    #expect(found.map(\.folder) == folders)
  }

  /// Of several mounts, the first that shows the group.
  @Test func mounts_escapedOrSeveral() {
    let mounts =
      Self.mount("cgroup2", root: "/other", at: "/a") + "31 23 0:28 / /broken\n"
      + Self.mount("cgroup2", at: #"/mnt/two\040words\134"#)
      + Self.mount("cgroup2", at: "/later")
    let found = ControlGroupFinder.groups(
      membership: FileText(bytes: Array("0::/x\n".utf8)),
      mounts: FileText(bytes: Array(mounts.utf8)))
    #expect(found.map(\.folder) == [#"/mnt/two words\/x"#, #"/mnt/two words\"#])
  }

  @Test func addressSpace_isALimit() throws {
    let fake = try fake(membership: nil, mounts: nil)
    try fake.write("/proc/self/statm", "\(300 << 8) 5 5 5 0 5 0\n")
    let allowance = fake.limits(addressSpace: 1000 << 20).allowance()
    #expect(allowance.available == 700 << 20)
    #expect(allowance.total == 1000 << 20)
    #expect("\(allowance.narrowest)" == "RLIMIT_AS")
  }

  /// A process can be put into another group while it runs, and limits can change.
  @Test func movesAndChanges_areSeen() throws {
    let fake = try fake(membership: "0::/a\n", mounts: Self.v2)
    try fake.write("/sys/fs/cgroup/a", group(max: bytes(100), current: 0))
    try fake.write("/sys/fs/cgroup/b", group(max: bytes(200), current: 0))
    let limits = fake.limits()
    #expect(limits.allowance().total == 100 << 20)
    try fake.write("/sys/fs/cgroup/a/memory.max", bytes(150))
    #expect(limits.allowance().total == 150 << 20)
    try fake.write("/proc/self/cgroup", "0::/b\n")
    #expect(limits.allowance().total == 200 << 20)
  }

  /// The folder of a group that was removed has no files; those above still count.
  @Test func removedGroup_leavesThoseAbove() throws {
    let fake = try fake(membership: "0::/a/b (deleted)\n", mounts: Self.v2)
    try fake.write("/sys/fs/cgroup/a", group(max: bytes(100), current: 1))
    #expect(fake.limits().allowance().available == 99 << 20)
  }

  @Test func thisMachine_hasLimits() {
    let allowance = MemoryLimits.ofProcess.allowance()
    #expect(allowance.available > 0)
    #expect(allowance.total > 0 && allowance.total <= MachineMemory.totalByteCount)
  }

  @Test func numbers_areReadExactly() {
    let text = FileText(bytes: Array("12\nab 7\nabc 8\nbig 99999999999999999999\n x 5\n".utf8))
    #expect(text.number == 12)
    #expect(text.number(after: "ab ") == 7)
    #expect(text.number(after: "abc ") == 8)
    #expect(text.number(after: "b ") == nil)
    #expect(text.number(after: "big ") == nil)
    #expect(text.number(after: "missing ") == nil)
    #expect(FileText(bytes: []).number == nil)
    #expect(FileText(bytes: Array("max\n".utf8)).number == nil)
  }
}
