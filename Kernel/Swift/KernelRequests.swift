// SPDX-License-Identifier: MIT

// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions that C calls have the names of `glue.h`.

internal import Glue
internal import HeapFramework
internal import PagePools

/// Serves a request that comes from inside the kernel, with the checks that a client's gets (H3); see `glue.h`.
///
/// - Context: process; may sleep.
@c @implementation
func core_request(
  _ heap: OpaquePointer!, _ length: UInt, _ flags: UInt32, _ heapFlags: UInt64
) -> OpaquePointer! {
  let request: AllocationRequest
  do throws(RequestError) {
    request = try AllocationRequest(
      length: ByteCount(UInt64(length)), descriptorFlags: flags, heapFlags: heapFlags,
      pageSize: KernelHost().pageSize)
  } catch {
    return unsafe .error(.invalidArgument)
  }
  return unsafe RegisteredHeap(heap).allocate(request)
}
