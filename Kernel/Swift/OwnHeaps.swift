// SPDX-License-Identifier: MIT

// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions that C calls have the names of `glue.h`.

internal import Glue
internal import HeapFramework
internal import PagePools
internal import Synchronization

/// One of the module's own heaps.
final class OwnHeap: Sendable {
  /// What its node is called, behind the module's prefix if it is no region's.
  let name: CText
  let heap: KernelHeap
  /// What its memory is, if that is a region's.
  let region: KernelRegion?

  init(_ name: CText, _ heap: KernelHeap, of region: KernelRegion? = nil) {
    self.name = name
    self.heap = heap
    self.region = region
  }
}

/// The module's own heaps: those that every core has, and then those of regions, which may come at any time.
///
/// A heap stays until the core stops, whether or not it has a node meanwhile: its buffers refer to it, and who binds its
/// device again finds it as it was.
struct OwnHeaps: ~Copyable, Sendable {
  /// How many there can be.
  static let capacity = Int(CORE_MOST_OWN_HEAPS)

  private let heaps = StableArray<AtomicLazyReference<OwnHeap>>(count: capacity) { _ in
    AtomicLazyReference()
  }
  private let published = Atomic<Int>(0)

  /// How many there are; their indices are below that.
  var count: Int { published.load(ordering: .acquiring) }

  subscript(index: Int) -> OwnHeap {
    guard let heap = heaps[index].load() else { preconditionFailure("there is no such heap") }
    return heap
  }

  /// Adds a heap.
  ///
  /// - Parameter make: is told the heap's index.
  /// - Throws: `.noSpace` when there are too many.
  /// - Context: one caller at a time; allocates, may block.
  @discardableResult
  func add(_ make: (_ index: Int) throws(Errno) -> OwnHeap) throws(Errno) -> OwnHeap {
    let index = count
    guard index < Self.capacity else { throw .noSpace }
    let heap = heaps[index].storeIfNil(try make(index))
    published.store(index + 1, ordering: .releasing)
    return heap
  }

  /// The region whose pages are these frames.
  func region(of frames: Range<Int>) -> Region<KernelHost>? {
    for index in 0..<count {
      if let region = self[index].region?.share.region, region.pages == frames { return region }
    }
    return nil
  }
}

// MARK: - Which there are

extension Core {
  /// Makes the heaps that every core has: here is where one more is added.
  ///
  /// They are in the order in which their nodes come up; clients wait for `system`, so it is the last.
  func makeHeaps(_ configuration: Configuration) throws(Errno) {
    try heaps.add { (_) throws(Errno) in OwnHeap(CText("system-contig"), try makeContiguous()) }
    try heaps.add { (_) throws(Errno) in OwnHeap(CText("system"), try makeSystem(configuration)) }
  }

  /// Adds the heap of a region; those with the same memory share it.
  @discardableResult
  func addHeap(of given: core_region) throws(Errno) -> OwnHeap {
    try heaps.add { (index) throws(Errno) in
      let region = try unsafe KernelRegion(given, in: heaps)
      let share = region.share
      guard
        let heap = share.cut.makeHeap(of: share.region, region.kind(.region(index)), in: memory)
      else { throw .noSpace }
      return OwnHeap(region.name, heap, of: region)
    }
  }

  private func makeContiguous() throws(Errno) -> KernelHeap {
    let heap = SingleBlockHeap(
      memory: memory, kind: MemoryKind(.contiguous), largest: PageCount(Int(glue_largest_run())))
    guard let heap else { throw .noSpace }
    return heap
  }

  private func makeSystem(_ configuration: Configuration) throws(Errno) -> KernelHeap {
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

// MARK: - What C asks

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

/// What the glue keeps of one of them; see `glue.h`.
@c @implementation
func core_own_heap(_ index: UInt32) -> UnsafeMutableRawPointer! {
  unsafe Core.with { unsafe Unmanaged.passUnretained($0.heaps[Int(index)].heap).toOpaque() }
}

/// Adds the heap of a region while the core runs; see `glue.h`.
@c @implementation
func core_add_own_heap(
  _ region: UnsafePointer<core_region>!, _ own: UnsafeMutablePointer<UnsafeMutableRawPointer?>!
) -> Int32 {
  Core.with { core in
    do throws(Errno) {
      let added = try unsafe core.addHeap(of: region.pointee)
      unsafe own.pointee = Unmanaged.passUnretained(added.heap).toOpaque()
      return 0
    } catch {
      return Int32(error.negative)
    }
  }
}

/// Sets what a heap is to have in stock; see `glue.h`.
@c @implementation
func core_refill_own_heap(_ own: UnsafeMutableRawPointer!, _ low: UInt32, _ high: UInt32) -> Int32 {
  unsafe Unmanaged<KernelHeap>.fromOpaque(own)._withUnsafeGuaranteedRef { own in
    guard let marks = Watermarks(low: Int(low), high: Int(high)) else {
      return Int32(Errno.invalidArgument.negative)
    }
    do throws(WatermarksExceedLimit) {
      guard try own.setWatermarks(marks) else { return Int32(Errno.invalidArgument.negative) }
      if marks.high == 0 {
        let kind = own.pools.kind
        _ = own.memory.pools.reclaim(PageCount(Int.max)) { $0.kind == kind }
      }
      return 0
    } catch {
      return Int32(Errno.tooLarge.negative)
    }
  }
}
