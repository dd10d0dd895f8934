// SPDX-License-Identifier: MIT

@_spi(Command) import DMAHeaps
import HeapBench

/// A heap as it is listed.
struct HeapReport: Encodable {
  let name: String
  let aliases: [String]
  let source: String
  let capabilities: [String]
  let absenceReason: String?
  let hugePages: String?
  var region: RegionReport?

  init(_ description: HeapDescription) {
    name = description.name
    aliases = description.aliases
    source = description.source
    capabilities = description.capabilities
    absenceReason = description.absenceReason
    hugePages = description.hugePages
    region = description.region.map(RegionReport.init)
  }

  /// A heap that is not there.
  init(absent name: String, source: String, because reason: String) {
    self.name = name
    aliases = []
    self.source = source
    capabilities = []
    absenceReason = reason
    hugePages = nil
    region = nil
  }

  /// A heap of this process that a tree does not declare as it should.
  init(_ mistake: AskedRegions.Mistake) {
    self.init(
      absent: mistake.mistake.name, source: "region",
      because: ErrorLine.escaped(mistake.description))
  }

  /// Heaps of this process, of the kernel, and those that are absent: so are all of a tree for whose regions there is
  /// no memory.
  ///
  /// - Throws: why a region of the heaps file cannot be had.
  static func all(_ asked: AskedRegions) throws -> [HeapReport] {
    var configuration = HeapSystem.Configuration()
    configuration.regions = asked.regions
    do throws(HeapError) {
      return try HeapSystem(configuration).listing.map(HeapReport.init)
    } catch {
      if !asked.ofTree.isEmpty {
        var others = asked
        others.ofTree = []
        let reason = ErrorLine.escaped("\(asked.tree): its regions cannot be had: \(error)")
        return try all(others)
          + asked.ofTree.flatMap(\.heaps).map {
            HeapReport(absent: $0.name, source: "region", because: reason)
          }
      }
      guard configuration.regions.isEmpty else { throw error }
      // The kernel's heaps work where this process's cannot.
      return HeapDescription.listing(processFailure: error).map(HeapReport.init)
    }
  }

  enum CodingKeys: String, CodingKey {
    case name, aliases, source, capabilities
    case absenceReason = "absence_reason"
    case hugePages = "huge_pages"
    case region
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(aliases, forKey: .aliases)
    try container.encode(source, forKey: .source)
    try container.encode(capabilities, forKey: .capabilities)
    // Null, not missing: "there" is what most readers look for.
    try container.encode(absenceReason, forKey: .absenceReason)
    try container.encode(hugePages, forKey: .hugePages)
    try container.encode(region, forKey: .region)
  }

  static func table(_ heaps: [HeapReport]) -> String {
    var table = GridTable([
      .text("heap"), .text("aliases"), .text("source"), .text("capabilities"), .text("state"),
    ])
    for heap in heaps {
      table.append([
        heap.name, dashed(heap.aliases), heap.source, dashed(heap.capabilities),
        heap.absenceReason.map { "absent: \($0)" } ?? "there",
      ])
    }
    let notes = heaps.flatMap { heap in
      [
        heap.hugePages.map { "huge pages of \(heap.name): \($0)" },
        heap.region.map { "region of \(heap.name): \($0.text)" },
      ].compactMap { $0 }
    }
    return ([table.text] + notes).joined(separator: "\n")
  }

  private static func dashed(_ words: [String]) -> String {
    words.isEmpty ? "-" : words.joined(separator: ", ")
  }
}
