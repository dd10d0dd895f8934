// SPDX-License-Identifier: MIT

/// A heap that there is, or that one could expect and why it is absent.
public struct HeapDescription: Equatable, Sendable {
  /// The heap's name.
  public let name: String

  /// Other names that find it.
  public let aliases: [String]

  /// What its memory comes from.
  public let source: String

  /// What can be done with it: `buffer` and `descriptor` (the two ways to allocate), `pooled`, `zeroed`.
  public let capabilities: [String]

  /// Why the heap is absent, nil when it is there.
  public let absenceReason: String?
}

/// The names that the field knows, and what becomes of them here.
enum HeapCatalog {
  static let memfdHeap = HeapDescription(
    name: "system", aliases: [], source: "memfd",
    capabilities: ["buffer", "descriptor", "pooled", "zeroed"], absenceReason: nil)

  static let descriptions = [
    memfdHeap,
    HeapDescription(
      name: "system-contig", aliases: [], source: "kernel", capabilities: [],
      absenceReason: "a process cannot get physically contiguous memory; the kernel module can"),
    HeapDescription(
      name: "default_cma_region", aliases: ["linux,cma", "reserved", "cma"], source: "region",
      capabilities: [], absenceReason: "no memory region is set aside for contiguous buffers"),
    HeapDescription(
      name: "system-uncached", aliases: [], source: "kernel", capabilities: [],
      absenceReason: "a process cannot change how its memory is cached; the kernel module can"),
  ]

  /// The description of a heap, by its name or an alias.
  static func description(of name: String) -> HeapDescription? {
    descriptions.first { $0.name == name || $0.aliases.contains(name) }
  }
}
