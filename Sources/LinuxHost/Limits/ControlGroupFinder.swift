// SPDX-License-Identifier: MIT

/// Finds the memory control groups that a process is in: its own, and those above it (U1).
///
/// `/proc/self/cgroup` names the group as the process's namespace sees it, `/proc/self/mountinfo` says which part
/// of the hierarchy is mounted where. A group that no mount shows is not guessed: what stands at the
/// mount's root may be somebody else's.
///
/// - Source: cgroups(7), cgroup_namespaces(7), proc_pid_mountinfo(5).
package enum ControlGroupFinder {
  /// The groups whose limits hold for the process, its own first; none where none can be seen.
  ///
  /// - Parameters:
  ///   - membership: what `/proc/self/cgroup` says.
  ///   - mounts: what `/proc/self/mountinfo` says.
  package static func groups(membership: FileText, mounts: FileText) -> [ControlGroup] {
    guard let (version, path) = memoryGroup(membership) else { return [] }
    for line in mounts.lines {
      guard let mount = Mount(line), mount.shows(version), let rest = mount.components(of: path)
      else { continue }
      return (0...rest.count).reversed().map { depth in
        ControlGroup(version, folder: mount.point + rest[..<depth].map { "/" + $0 }.joined())
      }
    }
    return []
  }

  /// The process's group in the hierarchy that has the memory controller.
  ///
  /// Where a hierarchy of version 1 has it, that of version 2 has not.
  private static func memoryGroup(
    _ membership: FileText
  ) -> (version: ControlGroup.Version, path: String)? {
    var unified: String?
    for line in membership.lines {
      // A path may contain colons.
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      if fields[1].split(separator: ",").contains("memory") { return (.v1, String(fields[2])) }
      if fields[0] == "0", fields[1].isEmpty { unified = String(fields[2]) }
    }
    return unified.map { (.v2, $0) }
  }

  /// A line of `/proc/self/mountinfo`.
  private struct Mount {
    /// Which folder of the filesystem is mounted.
    let root: String
    /// Where; without a slash at the end.
    let point: String
    let type: Substring
    let options: Substring

    init?(_ line: Substring) {
      guard let separator = line.firstRange(of: " - ") else { return nil }
      let fields = line[..<separator.lowerBound].split(separator: " ")
      let others = line[separator.upperBound...].split(separator: " ")
      guard fields.count >= 6, others.count >= 3 else { return nil }
      root = Self.unescape(fields[3])
      let point = Self.unescape(fields[4])
      self.point = point == "/" ? "" : point
      type = others[0]
      options = others[2]
    }

    func shows(_ version: ControlGroup.Version) -> Bool {
      switch version {
      case .v2: type == "cgroup2"
      case .v1: type == "cgroup" && options.split(separator: ",").contains("memory")
      }
    }

    /// The way from what is mounted down to a group; nil when the group is not below it.
    func components(of path: String) -> [Substring]? {
      var rest = path.split(separator: "/")[...]
      for component in root.split(separator: "/") {
        guard rest.first == component else { return nil }
        rest.removeFirst()
      }
      // Above the namespace's root: nothing that is mounted shows it.
      return rest.contains("..") ? nil : Array(rest)
    }

    /// Spaces, tabs, line ends and backslashes stand as `\` and three octal digits.
    private static func unescape(_ field: Substring) -> String {
      guard field.contains("\\") else { return String(field) }
      var bytes: [UInt8] = []
      var rest = Array(field.utf8)[...]
      while let byte = rest.popFirst() {
        let digits = rest.prefix(3)
        let isEscape =
          byte == UInt8(ascii: "\\") && digits.count == 3
          && digits.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "7") }
        guard isEscape else {
          bytes.append(byte)
          continue
        }
        let value = digits.reduce(0) { $0 * 8 + Int($1 - UInt8(ascii: "0")) }
        bytes.append(UInt8(truncatingIfNeeded: value))
        rest = rest.dropFirst(3)
      }
      return String(decoding: bytes, as: UTF8.self)
    }
  }
}
