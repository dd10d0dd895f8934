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
        dmaheap heaps --json | grep '"absence_reason":null'
      """)

  @Flag(help: "Print one JSON object per heap and line.")
  var json = false

  func run() throws {
    let descriptions = HeapReport.all()
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

  init(_ description: HeapDescription) {
    name = description.name
    aliases = description.aliases
    source = description.source
    capabilities = description.capabilities
    absenceReason = description.absenceReason
    hugePages = description.hugePages
  }

  /// Heaps of this process, of the kernel, and those that are absent.
  static func all() -> [HeapReport] {
    var failure: HeapError?
    do throws(HeapError) {
      _ = try HeapSystem()
    } catch {
      // The kernel's heaps work where this process's cannot.
      failure = error
    }
    return HeapDescription.listing(processFailure: failure).map(HeapReport.init)
  }

  enum CodingKeys: String, CodingKey {
    case name, aliases, source, capabilities
    case absenceReason = "absence_reason"
    case hugePages = "huge_pages"
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
    let notes = heaps.compactMap { heap in
      heap.hugePages.map { "huge pages of \(heap.name): \($0)" }
    }
    return ([table.text] + notes).joined(separator: "\n")
  }

  private static func dashed(_ words: [String]) -> String {
    words.isEmpty ? "-" : words.joined(separator: ", ")
  }
}
