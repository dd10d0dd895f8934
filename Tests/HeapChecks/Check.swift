// SPDX-License-Identifier: MIT

/// Something that must hold of a heap.
struct Check: Sendable {
  /// When a check is made.
  enum Kind: Sendable {
    /// With all others.
    case common
    /// When it is asked for by name: it needs a guest made for it, or takes long.
    case special
  }

  let name: String
  let summary: String
  let kind: Kind
  /// Whether it reads the module's files, which other heaps do not have.
  let needsModule: Bool
  /// Makes the check; returns what there is to say about it.
  let body: @Sendable (CheckContext) throws -> String

  init(
    _ name: String, _ summary: String, _ kind: Kind = .common, needsModule: Bool = false,
    body: @escaping @Sendable (CheckContext) throws -> String
  ) {
    self.name = name
    self.summary = summary
    self.kind = kind
    self.needsModule = needsModule
    self.body = body
  }

  static let all: [Check] =
    zeroing + requests + lifetimes + mappings + descriptors + module + loads + faults
    + importers + syncs + workers + turns + efforts + regions
}
