// SPDX-License-Identifier: MIT

// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions that C calls have the names of `glue.h`.

internal import Glue
internal import HeapFramework
internal import PagePools

/// Allocates a buffer of one of the core's heaps; see `glue.h`.
///
/// - Context: process; may sleep.
@c @implementation
func core_allocate(
  _ kind: core_heap, _ heap: OpaquePointer!, _ length: UInt, _ flags: UInt32
) -> OpaquePointer! {
  unsafe Core.with { core in
    do throws(Errno) {
      guard let pages = PageCount(covering: ByteCount(UInt64(length))), pages > .zero else {
        throw .invalidArgument
      }
      return unsafe try core.allocate(kind, pages, for: heap, flags)
    } catch {
      return unsafe .error(error)
    }
  }
}

/// Frees a buffer whose last reference is gone; see `glue.h`.
///
/// - Context: process; may sleep.
@c @implementation
func core_release(_ buffer: UnsafeMutablePointer<core_buffer>!) {
  Core.with { core in
    let mayBeWritten = unsafe buffer.pointee.may_be_written
    let object = unsafe BufferObject(buffer)
    switch unsafe core_heap(buffer.pointee.heap) {
    case CORE_HEAP_SYSTEM: core.system.free(object, mayBeWritten: mayBeWritten)
    default: core.contiguous.free(object, mayBeWritten: mayBeWritten)
    }
  }
}

extension Core {
  fileprivate func allocate(
    _ kind: core_heap, _ pages: PageCount, for heap: OpaquePointer, _ flags: UInt32
  ) throws(Errno) -> OpaquePointer? {
    let chain: BlockChain<KernelHost>
    do throws(KernelFailure) {
      chain =
        switch kind {
        case CORE_HEAP_SYSTEM: try system.allocate(pages)
        default: BlockChain(try contiguous.allocate(pages).block, in: KernelHost())
        }
    } catch {
      throw Errno(error)
    }
    guard let buffer = unsafe glue_make_buffer(UInt(chain.blockCount)) else {
      switch kind {
      case CORE_HEAP_SYSTEM: system.abandon(chain)
      default: contiguous.abandon(chain)
      }
      throw .outOfMemory
    }
    let object = unsafe BufferObject(buffer)
    unsafe buffer.pointee.heap = kind.rawValue
    object.chain = chain
    var rest = pages
    chain.forEach(in: KernelHost()) { block in
      let size = min(KernelHost().pool(of: block).blockSize, rest)
      unsafe glue_add_block(buffer, block.page, UInt(size.rawValue))
      rest -= size
    }
    let exported = unsafe glue_export(buffer, heap, flags)
    if unsafe exported.errorNumber != 0 {
      let error = unsafe Errno(returned: exported.errorNumber)
      unsafe core_release(buffer)
      throw error
    }
    return unsafe exported
  }
}
