// SPDX-License-Identifier: MIT

internal import Glue
internal import HeapFramework
internal import PagePools

/// A buffer object: the glue's structure behind one dma-buf, which has room for what the core keeps.
@safe
struct BufferObject: BitwiseCopyable, @unchecked Sendable {
  // One owner at a time: its maker, the dma-buf, the deferred-free list, whoever frees it.
  let pointer: UnsafeMutablePointer<core_buffer>

  init(_ pointer: UnsafeMutablePointer<core_buffer>) {
    unsafe self.pointer = pointer
  }

  /// The blocks that the buffer is made of.
  var chain: BlockChain<KernelHost> {
    get { unsafe chainSlot.pointee }
    nonmutating set {
      unsafe chainSlot.initialize(to: newValue)
      unsafe pointer.pointee.pages = UInt(newValue.pages.rawValue)
    }
  }

  /// Bytes that the glue keeps for a chain.
  static var chainCapacity: Int {
    unsafe MemoryLayout.size(ofValue: core_buffer().chain)
  }

  private var chainSlot: UnsafeMutablePointer<BlockChain<KernelHost>> {
    // SAFETY: `core_start` has checked that a chain fits, and the object stays where it is.
    unsafe withUnsafeMutablePointer(to: &pointer.pointee.chain) {
      unsafe UnsafeMutableRawPointer($0).assumingMemoryBound(to: BlockChain<KernelHost>.self)
    }
  }
}

extension KernelHost {
  typealias Item = BufferObject

  func deferredSize(of buffer: BufferObject) -> PageCount {
    PageCount(Int(unsafe buffer.pointer.pointee.pages))
  }

  func nextDeferred(after buffer: BufferObject) -> BufferObject? {
    guard let next = unsafe buffer.pointer.pointee.next_deferred else { return nil }
    return unsafe BufferObject(next)
  }

  func setNextDeferred(_ next: BufferObject?, after buffer: BufferObject) {
    unsafe buffer.pointer.pointee.next_deferred = next?.pointer
  }

  func dismantle(_ buffer: BufferObject) -> BlockChain<KernelHost> {
    let chain = buffer.chain
    unsafe glue_destroy_buffer(buffer.pointer)
    return chain
  }

  /// The kernel tells of the last reference at once.
  func collectReturned() -> Bool { false }

  func wakeDeferredFreeWorker() {
    glue_wake_worker()
  }

  var isCallerKilled: Bool { glue_caller_is_killed() }
}
