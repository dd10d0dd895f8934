// SPDX-License-Identifier: MIT

internal import HeapFramework
internal import LinuxHost
internal import PagePools

/// The heaps of a system: made and registered together, or none, and closed together.
struct ProcessHeaps: Sendable {
  /// A heap, and how it is listed.
  struct Entry: Sendable {
    let name: String
    let aliases: [String]
    let heap: any ProcessHeap

    /// Of a heap whose memory is a region's.
    let region: RegionEntry?
  }

  struct RegionEntry: Sendable {
    let name: String
    let memory: RegionMemory
    let chunkByteCount: Int?
  }

  private(set) var entries: [Entry] = []

  /// The heap that takes its memory from the kernel.
  let memfdHeap: MemfdHeap

  /// Makes the heaps.
  ///
  /// - Throws: what is wrong with which region or heap (EINVAL, ENAMETOOLONG), or the limit in the way; nothing is
  ///   left behind then.
  /// - Context: blocks.
  init(
    _ regions: [HeapSystem.RegionConfiguration], of memory: BufferMemory<LinuxHost>,
    in registry: HeapRegistry<LinuxHost, any ProcessHeap>
  ) throws(HeapError) {
    guard let memfdHeap = MemfdHeap(memory: memory) else {
      preconditionFailure("a new pool set has room for the heap's pools")
    }
    self.memfdHeap = memfdHeap
    do throws(HeapError) {
      let own = HeapCatalog.memfdHeap
      try add(
        Entry(name: own.name, aliases: own.aliases, heap: memfdHeap, region: nil), to: registry)
      for region in regions { try add(region, of: memory, to: registry) }
    } catch {
      close()
      throw error
    }
  }

  private mutating func add(
    _ region: HeapSystem.RegionConfiguration, of memory: BufferMemory<LinuxHost>,
    to registry: HeapRegistry<LinuxHost, any ProcessHeap>
  ) throws(HeapError) {
    let pages = try region.checkedPages
    var cuts: [RegionCut] = []
    for heap in region.heaps { cuts.append(try region.cut(of: heap)) }
    let made = try translatingFailure(pages.byteCount) { () throws(HostFailure) in
      try memory.host.makeRegion(pages)
    }
    for (heap, cut) in zip(region.heaps, cuts) {
      guard let processHeap = RegionBufferHeap(made, cut: cut, in: memory) else {
        throw .invalidRegion(
          name: region.name, reason: "heap '\(heap.name)' would be more than all regions can have")
      }
      let entry = Entry(
        name: heap.name, aliases: heap.aliases, heap: processHeap,
        region: RegionEntry(
          name: region.name, memory: made, chunkByteCount: heap.chunkByteCount))
      do throws(HeapError) {
        try add(entry, to: registry)
      } catch {
        processHeap.close()
        throw error
      }
    }
  }

  private mutating func add(
    _ entry: Entry, to registry: HeapRegistry<LinuxHost, any ProcessHeap>
  ) throws(HeapError) {
    let name = try Self.heapName(entry.name)
    var aliases: [HeapName] = []
    for alias in entry.aliases { aliases.append(try Self.heapName(alias)) }
    do throws(HeapRegistryError) {
      try registry.register(entry.heap, as: name, aliases: aliases)
    } catch {
      throw .invalidName(
        entry.name,
        reason: error == .full ? "there are too many names" : "it or an alias is another heap's")
    }
    entries.append(entry)
  }

  static func heapName(_ name: String) throws(HeapError) -> HeapName {
    do throws(HeapNameError) {
      return try HeapName(utf8: name.utf8)
    } catch {
      throw HeapError(error, name: name)
    }
  }

  /// Destroys the heaps' pools; no buffer may be live or waiting.
  func close() {
    for entry in entries { entry.heap.close() }
  }

  /// The entry that has a name or an alias.
  func entry(named name: String) -> Entry? {
    entries.first { $0.name == name || $0.aliases.contains(name) }
  }

  /// The heaps as they are listed, with what is free now.
  var descriptions: [HeapDescription] {
    entries.map { entry in
      guard let region = entry.region else { return HeapCatalog.memfdHeap }
      return HeapDescription(entry, region)
    }
  }
}

extension HeapDescription {
  init(_ entry: ProcessHeaps.Entry, _ region: ProcessHeaps.RegionEntry) {
    let space = region.memory.region.space
    self.init(
      name: entry.name, aliases: entry.aliases, source: "region",
      capabilities: ["buffer", "zeroed"], absenceReason: nil,
      hugePages: HeapCatalog.memfdHeap.hugePages,
      region: RegionDescription(
        name: region.name, byteCount: PageCount(region.memory.region.pages.count).byteCount,
        freeByteCount: space.free.byteCount, largestRunByteCount: space.largestRun.byteCount,
        chunkByteCount: region.chunkByteCount))
  }
}

// MARK: - Rules

extension HeapSystem.RegionConfiguration {
  /// The region's size.
  fileprivate var checkedPages: PageCount {
    get throws(HeapError) {
      guard byteCount > 0 else {
        throw .invalidRegion(name: name, reason: "a size of \(byteCount) bytes is not possible")
      }
      guard let pages = HostPages.size.pages(covering: ByteCount(UInt64(byteCount))),
        pages <= RegionRules.mostPages
      else {
        throw .invalidRegion(
          name: name,
          reason:
            "a region has at most \(RegionRules.mostPages.byteCount) bytes, not \(byteCount)")
      }
      return pages
    }
  }

  /// How a heap's blocks are cut.
  fileprivate func cut(of heap: HeapSystem.RegionHeapConfiguration) throws(HeapError) -> RegionCut {
    guard let chunk = heap.chunkByteCount else { return .runs }
    let byteCount = UInt64(clamping: byteCount)
    do throws(DeclarationProblem) {
      let order = try RegionRules.order(ofBytes: UInt64(clamping: chunk), HostPages.size)
      return try RegionRules.cut(order, from: byteCount, HostPages.size)
    } catch {
      throw .invalidRegion(
        name: name,
        reason: "chunks of heap '\(heap.name)' have \(chunk) bytes, "
          + (error == .exceedsRegion(byteCount)
            ? "the region only \(byteCount)" : "which is no power of two of pages"))
    }
  }
}
