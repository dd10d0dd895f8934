// SPDX-License-Identifier: MIT

// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions that C calls have the names of `glue.h`.

internal import Glue
internal import HeapFramework
internal import PagePools

/// A heap with a node, of the core's or of another module's: the glue's structure.
@safe
struct RegisteredHeap: BitwiseCopyable, @unchecked Sendable {
  // The core only passes it back to the glue.
  let pointer: OpaquePointer

  init(_ pointer: OpaquePointer) {
    unsafe self.pointer = pointer
  }

  /// Its name, if it is one (H1).
  func name() throws(HeapNameError) -> HeapName {
    guard let text = unsafe glue_heap_name(pointer) else { throw .empty }
    var length = 0
    while unsafe text[length] != 0 { length += 1 }
    // SAFETY: the name ends with the NUL that was just found, and outlives the heap.
    let bytes = unsafe UnsafeBufferPointer(
      start: UnsafeRawPointer(text).assumingMemoryBound(to: UInt8.self), count: length)
    return unsafe try HeapName(utf8: bytes)
  }
}

/// Registers a heap under its name (H1): 0, -EINVAL, -ENAMETOOLONG, -EEXIST or -ENOSPC.
///
/// - Context: process; does not sleep.
@c @implementation
func core_register(_ heap: OpaquePointer!) -> Int32 {
  Core.with { core in
    let heap = unsafe RegisteredHeap(heap)
    let name: HeapName
    do throws(HeapNameError) {
      name = try heap.name()
    } catch {
      return Int32((error == .tooLong ? Errno.nameTooLong : .invalidArgument).negative)
    }
    do throws(HeapRegistryError) {
      try core.registry.register(heap, as: name)
      return 0
    } catch {
      return Int32((error == .full ? Errno.noSpace : .exists).negative)
    }
  }
}

/// Removes a heap, which the glue has seen to be out of use.
///
/// - Context: process; may sleep.
@c @implementation
func core_unregister(_ heap: OpaquePointer!) {
  Core.with { core in
    guard let name = try? unsafe RegisteredHeap(heap).name() else { return }
    try? core.registry.unregister(name)
  }
}
