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
  _ kind: core_heap, _ heap: OpaquePointer!, _ length: UInt, _ flags: UInt32, _ heapFlags: UInt64
) -> OpaquePointer! {
  unsafe Core.with { core in
    do throws(Errno) {
      guard let pages = PageCount(covering: ByteCount(UInt64(length))), pages > .zero,
        heapFlags == 0
      else {
        throw .invalidArgument
      }
      return switch kind {
      case CORE_HEAP_SYSTEM: unsafe try core.system.export(pages, of: kind, as: heap, flags)
      default: unsafe try core.contiguous.export(pages, of: kind, as: heap, flags)
      }
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

extension PooledHeap<KernelHost> {
  /// Allocates memory and makes a dma-buf of it; nothing is left behind when that fails.
  fileprivate func export(
    _ pages: PageCount, of kind: core_heap, as heap: OpaquePointer, _ flags: UInt32
  ) throws(Errno) -> OpaquePointer? {
    let chain: BlockChain<KernelHost>
    do throws(KernelFailure) { chain = try allocate(pages) } catch { throw Errno(error) }
    var contents = unsafe core_buffer()
    unsafe contents.heap = kind.rawValue
    let exported = unsafe withUnsafeMutablePointer(to: &contents) { contents in
      unsafe BufferObject(contents).chain = chain
      return unsafe glue_export(
        contents, chain.front?.page, UInt(chain.blockCount), UInt(pages.rawValue), heap, flags)
    }
    guard unsafe exported.errorNumber == 0 else {
      abandon(chain)
      throw unsafe Errno(returned: exported.errorNumber)
    }
    return unsafe exported
  }
}
