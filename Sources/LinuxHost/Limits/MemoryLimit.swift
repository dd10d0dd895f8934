// SPDX-License-Identifier: MIT

/// A limit on this process's memory: whose it is, where it can be changed, and its value.
package struct MemoryLimit: Equatable, Sendable {
  /// What has the limit.
  package enum Holder: Sendable {
    /// A control group; whoever exceeds it is killed, or made to wait.
    case group
    /// The process: setrlimit(2).
    case process
    /// Nobody: there is no more memory than this.
    case machine
  }

  package let holder: Holder

  /// The limit's name: a file's, a resource's.
  package let name: String

  /// The folder or file where it stands; empty for a resource limit.
  package let path: String

  /// Bytes.
  package let byteCount: Int

  package init(_ holder: Holder, name: String, path: String = "", byteCount: Int) {
    self.holder = holder
    self.name = name
    self.path = path
    self.byteCount = byteCount
  }
}

extension MemoryLimit: CustomStringConvertible {
  /// The limit in an error: what it is called, and where it is.
  package var description: String { path.isEmpty ? name : "\(name) of \(path)" }
}

/// What one limit leaves.
package struct MemoryRoom: Equatable, Sendable {
  package let limit: MemoryLimit

  /// Bytes; negative when more is used than there may be.
  package let available: Int

  package init(limit: MemoryLimit, available: Int) {
    self.limit = limit
    self.available = available
  }
}

/// What memory this process may still have, whoever would stop it (U1).
package struct MemoryAllowance: Equatable, Sendable {
  /// Bytes that can be had before the narrowest limit is reached, 0 or more.
  package let available: Int

  /// Bytes that the process could ever have: the least of all limits.
  package let total: Int

  /// The limit that leaves least.
  package let narrowest: MemoryLimit

  /// Takes the least of what several limits leave.
  ///
  /// - Parameters:
  ///   - machine: what the machine has and has available.
  ///   - others: limits on top of that.
  package init(_ machine: MemoryRoom, _ others: [MemoryRoom]) {
    var least = machine
    var total = machine.limit.byteCount
    for room in others {
      if room.available < least.available { least = room }
      total = min(total, room.limit.byteCount)
    }
    available = max(least.available, 0)
    self.total = max(total, 0)
    narrowest = least.limit
  }
}
