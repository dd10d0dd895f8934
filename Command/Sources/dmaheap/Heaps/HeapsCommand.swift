// SPDX-License-Identifier: MIT

import ArgumentParser
@_spi(Command) import DMAHeaps
import HeapBench

/// Lists heaps.
struct HeapsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "heaps",
    abstract: "List the heaps there are, and why expected ones are absent.",
    discussion: """
      Heaps of source memfd are this process's, those of source kernel are nodes of /dev/dma_heap, to \
      be used with --source kernel.

      EXAMPLES
        dmaheap heaps
        dmaheap heaps --config board.toml               with the heaps of regions
        dmaheap heaps --json | grep '"absence_reason":null'
      """)

  @OptionGroup var file: HeapsFileOption

  @Flag(help: "Print one JSON object per heap and line.")
  var json = false

  func run() throws {
    let descriptions = try HeapReport.all(try file.makeConfiguration())
    if json {
      for description in descriptions { try Output.json(description) }
    } else {
      try Output.line(HeapReport.table(descriptions))
    }
  }
}

/// A heap as it is listed.
struct HeapReport: Encodable {
  let name: String
  let aliases: [String]
  let source: String
  let capabilities: [String]
  let absenceReason: String?
  let hugePages: String?
  let region: RegionReport?

  init(_ description: HeapDescription) {
    name = description.name
    aliases = description.aliases
    source = description.source
    capabilities = description.capabilities
    absenceReason = description.absenceReason
    hugePages = description.hugePages
    region = description.region.map(RegionReport.init)
  }

  /// Heaps of this process, of the kernel, and those that are absent.
  ///
  /// - Throws: why a region of the configuration cannot be had.
  static func all(_ configuration: HeapSystem.Configuration) throws -> [HeapReport] {
    do throws(HeapError) {
      return try HeapSystem(configuration).listing.map(HeapReport.init)
    } catch {
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

/// A region as it is listed with one of its heaps.
struct RegionReport: Encodable {
  let name: String
  let byteCount: Int
  let freeByteCount: Int
  let largestRunByteCount: Int
  let chunkByteCount: Int?

  init(_ region: RegionDescription) {
    name = region.name
    byteCount = region.byteCount
    freeByteCount = region.freeByteCount
    largestRunByteCount = region.largestRunByteCount
    chunkByteCount = region.chunkByteCount
  }

  enum CodingKeys: String, CodingKey {
    case name
    case byteCount = "bytes"
    case freeByteCount = "free_bytes"
    case largestRunByteCount = "largest_run_bytes"
    case chunkByteCount = "chunk_bytes"
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(byteCount, forKey: .byteCount)
    try container.encode(freeByteCount, forKey: .freeByteCount)
    try container.encode(largestRunByteCount, forKey: .largestRunByteCount)
    try container.encode(chunkByteCount, forKey: .chunkByteCount)
  }

  var text: String {
    func size(_ byteCount: Int) -> String { ByteSize(byteCount: byteCount).description }
    let cut = chunkByteCount.map { "in chunks of \(size($0))" } ?? "in runs"
    return "\(name), \(size(byteCount)) \(cut); \(size(freeByteCount)) free, "
      + "\(size(largestRunByteCount)) of it in one run"
  }
}
