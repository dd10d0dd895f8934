// SPDX-License-Identifier: MIT

// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions that C calls have the names of `glue.h`.

internal import Glue
internal import HeapFramework
internal import PagePools

/// One of the module's own heaps.
struct OwnHeap: Sendable {
  /// What its node is called.
  let name: CText
  /// Whether the prefix stands before that: not where the administrator has said what it is called.
  let hasPrefix: Bool
  let heap: KernelHeap

  /// Makes the module's own heaps: here is where one more is added.
  ///
  /// - Returns: the heaps in the order in which their nodes come up; clients wait for `system`, so it
  ///   is the last.
  static func makeAll(
    _ memory: BufferMemory<KernelHost>, _ configuration: Configuration
  ) throws(Errno) -> [OwnHeap] {
    var heaps: [OwnHeap] = []
    for (index, region) in configuration.regions.enumerated() {
      let heap = try makeHeap(of: region, MemoryKind(.region(index), isLent: region.isLent), memory)
      heaps.append(OwnHeap(name: region.name, hasPrefix: false, heap: heap))
    }
    let contiguous = try makeContiguous(memory)
    heaps.append(OwnHeap(name: CText("system-contig"), hasPrefix: true, heap: contiguous))
    let system = try makeSystem(memory, configuration)
    heaps.append(OwnHeap(name: CText("system"), hasPrefix: true, heap: system))
    return heaps
  }

  private static func makeHeap(
    of region: KernelRegion, _ kind: MemoryKind, _ memory: BufferMemory<KernelHost>
  ) throws(Errno) -> KernelHeap {
    let heap: KernelHeap? =
      switch region.share.cut {
      case .runs: RegionHeap(memory: memory, kind: kind, region: region.share.region)
      case .chunks(let order):
        ChunkHeap(memory: memory, kind: kind, region: region.share.region, chunk: order)
      }
    guard let heap else { throw .noSpace }
    return heap
  }

  private static func makeContiguous(
    _ memory: BufferMemory<KernelHost>
  ) throws(Errno) -> KernelHeap {
    let heap = SingleBlockHeap(
      memory: memory, kind: MemoryKind(.contiguous), largest: PageCount(Int(glue_largest_run())))
    guard let heap else { throw .noSpace }
    return heap
  }

  private static func makeSystem(
    _ memory: BufferMemory<KernelHost>, _ configuration: Configuration
  ) throws(Errno) -> KernelHeap {
    let heap = SystemHeap(
      memory: memory, kind: MemoryKind(.system), orders: configuration.orders.map { $0.order },
      largest: configuration.policy.largestBuffer)
    guard let heap else { throw .noSpace }
    for each in configuration.orders {
      do throws(WatermarksExceedLimit) {
        try heap.setWatermarks(each.marks, of: each.order)
      } catch {
        throw .tooLarge
      }
    }
    return heap
  }
}

/// How many heaps the module has of its own; see `glue.h`.
@c @implementation
func core_own_heap_count() -> UInt32 {
  Core.with { UInt32($0.heaps.count) }
}

/// The name of one of them; see `glue.h`.
@c @implementation
func core_own_heap_name(_ index: UInt32) -> UnsafePointer<CChar>! {
  unsafe Core.with { unsafe $0.heaps[Int(index)].name.pointer }
}

/// Whether its name is behind the prefix; see `glue.h`.
@c @implementation
func core_own_heap_has_prefix(_ index: UInt32) -> Bool {
  Core.with { $0.heaps[Int(index)].hasPrefix }
}

/// What the glue keeps of one of them; see `glue.h`.
@c @implementation
func core_own_heap(_ index: UInt32) -> UnsafeMutableRawPointer! {
  unsafe Core.with { unsafe Unmanaged.passUnretained($0.heaps[Int(index)].heap).toOpaque() }
}
