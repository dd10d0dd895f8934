// SPDX-License-Identifier: MIT

internal import HeapFramework
internal import LinuxHost

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

  /// How its memory of 2 MiB and more gets huge pages, and why so; nil where that is the kernel's affair.
  public internal(set) var hugePages: String?

  /// Of a heap whose memory is a region's: what that is, and what is free of it.
  public internal(set) var region: RegionDescription?
}

/// The names that the field knows, and what becomes of them here.
package enum HeapCatalog {
  package static let memfdHeap = HeapDescription(
    name: "system", aliases: [], source: "memfd",
    capabilities: ["buffer", "descriptor", "pooled", "zeroed"], absenceReason: nil,
    hugePages: HugePages.explanation)

  static let descriptions = [
    memfdHeap,
    HeapDescription(
      name: "system-contig", aliases: [], source: "kernel", capabilities: [],
      absenceReason: "a process cannot get physically contiguous memory; the kernel module can"),
    HeapDescription(
      name: "\(DefaultRegion.name)", aliases: DefaultRegion.aliases.map { "\($0)" },
      source: "region",
      capabilities: [], absenceReason: "no memory region is set aside for contiguous buffers"),
    HeapDescription(
      name: "system-uncached", aliases: [], source: "kernel", capabilities: [],
      absenceReason: "a process cannot change how its memory is cached; the kernel module can"),
  ]

  /// Those that one could expect, but for which there are others.
  static func absent(beside present: [HeapDescription]) -> [HeapDescription] {
    let names = Set(present.flatMap { [$0.name] + $0.aliases })
    return descriptions.filter { heap in
      heap.absenceReason != nil && names.isDisjoint(with: [heap.name] + heap.aliases)
    }
  }
}

extension HeapCatalog {
  /// Everything there is or could be: this process's heaps, the kernel's nodes, and what is missing.
  ///
  /// - Parameters:
  ///   - own: this process's, or ``unavailable(_:)``.
  ///   - kernelHeaps: those of ``KernelHeap/descriptions()``.
  package static func listing(
    own: [HeapDescription], kernelHeaps: [HeapDescription]
  ) -> [HeapDescription] {
    let present = own + kernelHeaps
    return present + absent(beside: present)
  }

  /// This process's heap where there can be none.
  package static func unavailable(_ failure: HeapError) -> HeapDescription {
    HeapDescription(
      name: memfdHeap.name, aliases: memfdHeap.aliases, source: memfdHeap.source,
      capabilities: memfdHeap.capabilities, absenceReason: "\(failure)",
      hugePages: memfdHeap.hugePages)
  }
}
