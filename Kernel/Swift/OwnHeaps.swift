// SPDX-License-Identifier: MIT

// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions that C calls have the names of `glue.h`.

internal import Glue
internal import HeapFramework
internal import PagePools

/// One of the module's own heaps.
struct OwnHeap: Sendable {
  /// What its node is called, behind the prefix.
  let name: StaticString
  let heap: KernelHeap

  /// Makes the module's own heaps: here is where one more is added.
  ///
  /// - Returns: the heaps in the order in which their nodes come up; clients wait for `system`, so it
  ///   is the last.
  static func makeAll(
    _ memory: BufferMemory<KernelHost>, _ configuration: Configuration
  ) throws(Errno) -> [OwnHeap] {
    [
      OwnHeap(name: "system-contig", heap: try makeContiguous(memory)),
      OwnHeap(name: "system", heap: try makeSystem(memory, configuration)),
    ]
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
  // SAFETY: a static string ends with a NUL and lives for ever.
  unsafe Core.with { unsafe UnsafeRawPointer($0.heaps[Int(index)].name.utf8Start) }
    .assumingMemoryBound(to: CChar.self)
}

/// What the glue keeps of one of them; see `glue.h`.
@c @implementation
func core_own_heap(_ index: UInt32) -> UnsafeMutableRawPointer! {
  unsafe Core.with { unsafe Unmanaged.passUnretained($0.heaps[Int(index)].heap).toOpaque() }
}
