// SPDX-License-Identifier: MIT

internal import Glue
internal import HeapFramework
internal import PagePools

typealias KernelHeap = BufferHeap<KernelHost>

/// A buffer object: the glue's structure behind one dma-buf, which has room for what the core keeps.
@safe
struct BufferObject: BitwiseCopyable, @unchecked Sendable {
  // One owner at a time: its maker, the dma-buf, whoever frees it.
  let pointer: UnsafeMutablePointer<core_buffer>

  init(_ pointer: UnsafeMutablePointer<core_buffer>) {
    unsafe self.pointer = pointer
  }

  /// The heap that the buffer is of; it outlives the buffer, and nobody counts references on the way.
  func withHeap<R>(_ body: (KernelHeap) -> R) -> R {
    guard let heap = unsafe pointer.pointee.heap else { preconditionFailure("a buffer has a heap") }
    return unsafe Unmanaged<KernelHeap>.fromOpaque(heap)._withUnsafeGuaranteedRef { body($0) }
  }

  func setHeap(_ heap: KernelHeap) {
    unsafe pointer.pointee.heap = Unmanaged.passUnretained(heap).toOpaque()
  }

  /// Says how the glue is to map it.
  func setExport(_ attributes: ExportAttributes) {
    unsafe pointer.pointee.needs_cache_maintenance = attributes.needsCacheMaintenance
    unsafe pointer.pointee.caching =
      switch attributes.caching {
      case .cached: CORE_CACHED
      case .writeCombined: CORE_WRITE_COMBINED
      case .uncached: CORE_UNCACHED
      }
  }

  /// The memory that the buffer is made of, and whom it is charged to.
  var allocation: Allocation<KernelHost> {
    get { unsafe slot.pointee }
    nonmutating set { unsafe slot.initialize(to: newValue) }
  }

  /// Bytes that the glue keeps for an allocation.
  static var capacity: Int {
    unsafe MemoryLayout.size(ofValue: core_buffer().allocation)
  }

  private var slot: UnsafeMutablePointer<Allocation<KernelHost>> {
    // SAFETY: `core_start` has checked that an allocation fits, and the object stays where it is.
    unsafe withUnsafeMutablePointer(to: &pointer.pointee.allocation) {
      unsafe UnsafeMutableRawPointer($0).assumingMemoryBound(to: Allocation<KernelHost>.self)
    }
  }
}
