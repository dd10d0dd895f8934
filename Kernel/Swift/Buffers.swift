// SPDX-License-Identifier: MIT

// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions that C calls have the names of `glue.h`.

internal import Glue
internal import HeapFramework
internal import PagePools

/// Notes that somebody was given a way to reach a buffer's memory; see `glue.h`.
///
/// - Context: any.
@c @implementation
func core_accessed(_ buffer: UnsafeMutablePointer<core_buffer>!, _ access: core_access) {
  let access: BufferAccess =
    switch access {
    case CORE_ACCESS_PROCESS_READS: .processMapping(canBecomeWritable: false)
    case CORE_ACCESS_PROCESS_CAN_WRITE: .processMapping(canBecomeWritable: true)
    case CORE_ACCESS_DEVICE_READS: .deviceMapping(deviceWrites: false)
    case CORE_ACCESS_DEVICE_WRITES: .deviceMapping(deviceWrites: true)
    default: .kernelMapping
    }
  // Only ever set, by any number of threads; the end of the last reference orders it before it is read.
  if access.canWrite { unsafe buffer.pointee.may_be_written = true }
}

/// Frees a buffer whose last reference is gone; see `glue.h`.
///
/// - Context: process; may sleep.
@c @implementation
func core_release(_ buffer: UnsafeMutablePointer<core_buffer>!) {
  let object = unsafe BufferObject(buffer)
  let mayBeWritten = unsafe buffer.pointee.may_be_written
  let allocation = object.allocation
  object.withHeap { heap in
    // The object first: its memory is wanted no more, and the blocks may wait.
    unsafe glue_destroy_buffer(buffer)
    heap.free(allocation, mayBeWritten: mayBeWritten)
  }
}

extension KernelHeap {
  /// Makes a dma-buf, or an error pointer, of the heap that the glue keeps as `own`; nobody counts
  /// references on the way.
  static func export(
    _ own: UnsafeMutableRawPointer, _ pages: PageCount, as heap: OpaquePointer, _ flags: UInt32
  ) -> OpaquePointer? {
    unsafe Unmanaged<KernelHeap>.fromOpaque(own)._withUnsafeGuaranteedRef { own in
      do throws(Errno) {
        return unsafe try own.export(pages, as: heap, flags)
      } catch {
        return unsafe .error(error)
      }
    }
  }

  /// Allocates memory and makes a dma-buf of it; nothing is left behind when that fails.
  private func export(
    _ pages: PageCount, as heap: OpaquePointer, _ flags: UInt32
  ) throws(Errno) -> OpaquePointer? {
    let allocation: Allocation<KernelHost>
    do throws(KernelFailure) { allocation = try allocate(pages) } catch { throw Errno(error) }
    var contents = unsafe core_buffer()
    let exported = unsafe withUnsafeMutablePointer(to: &contents) { contents in
      let object = unsafe BufferObject(contents)
      object.setHeap(self)
      object.setExport(exportAttributes)
      object.allocation = allocation
      let blocks = allocation.blocks
      return unsafe glue_export(
        contents, blocks.front?.page, UInt(blocks.blockCount), UInt(length(for: pages).rawValue),
        heap, flags)
    }
    guard unsafe exported.errorNumber == 0 else {
      free(allocation, mayBeWritten: false)
      throw unsafe Errno(returned: exported.errorNumber)
    }
    return unsafe exported
  }
}
