// SPDX-License-Identifier: MIT

internal import LinuxHost

extension HeapSystem {
  /// Memory that is set aside when a system starts, for heaps of its own (C1, C2).
  ///
  /// ```swift
  /// var configuration = HeapSystem.Configuration()
  /// configuration.regions = [
  ///   .init(
  ///     name: "camera", byteCount: 512 << 20,
  ///     heaps: [.init(name: "camera-frames"), .init(name: "camera-chunks", chunkByteCount: 64 << 10)])
  /// ]
  /// let system = try HeapSystem(configuration)
  /// var frame = try system.heap(named: "camera-chunks").allocate(byteCount: 95 << 20)
  /// ```
  ///
  /// All of it is there from the start, with huge pages where the machine has some, and stays until the system
  /// ends: a request that fits never waits for the kernel. Several heaps may share a region.
  public struct RegionConfiguration: Equatable, Sendable {
    /// What the region is called, for people.
    public var name: String

    /// How large it is; 1 or more, rounded up to pages.
    public var byteCount: Int

    /// The most heaps that all regions of a system can have together.
    public static var mostHeaps: Int { RegionBufferHeap.mostHeaps }

    /// The heaps whose memory it is; at most ``mostHeaps`` with those of other regions.
    public var heaps: [RegionHeapConfiguration]

    /// A region and its heaps.
    public init(name: String, byteCount: Int, heaps: [RegionHeapConfiguration]) {
      self.name = name
      self.byteCount = byteCount
      self.heaps = heaps
    }
  }

  /// A heap whose memory is a region's.
  public struct RegionHeapConfiguration: Equatable, Sendable {
    /// The name that ``HeapSystem/heap(named:)`` finds it by; no other heap's.
    public var name: String

    /// Other names that find it.
    public var aliases: [String]

    /// How large the chunks are of which its buffers are made, a power of two of pages; nil for buffers that are
    /// each one run of the region.
    ///
    /// Buffers of chunks are rounded up to whole ones, and find room in a region that has no long run left. Those
    /// whose chunks are not next to each other are mapped once more, to be in one piece.
    public var chunkByteCount: Int?

    /// A heap of runs, or of chunks.
    public init(name: String, aliases: [String] = [], chunkByteCount: Int? = nil) {
      self.name = name
      self.aliases = aliases
      self.chunkByteCount = chunkByteCount
    }
  }
}

/// A region as one of its heaps has it (C1).
public struct RegionDescription: Equatable, Sendable {
  /// The region's name.
  public let name: String

  /// Bytes in all.
  public let byteCount: Int

  /// Bytes that no buffer has.
  public let freeByteCount: Int

  /// Bytes in the longest run of those.
  public let largestRunByteCount: Int

  /// Bytes in each chunk of the heap's buffers; nil where each buffer is one run.
  public let chunkByteCount: Int?
}
