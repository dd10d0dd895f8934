// SPDX-License-Identifier: MIT

// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions that C calls have the names of `glue.h`.

internal import Glue
internal import HeapFramework
internal import PagePools

/// Serves an ioctl of a heap's node (H3): 0, or a negative error number.
///
/// - Context: process; may sleep.
@c @implementation
func core_ioctl(_ heap: OpaquePointer!, _ command: UInt32, _ argument: UInt) -> Int {
  do throws(Errno) {
    try allocateDescriptor(unsafe RegisteredHeap(heap), command, argument)
    return 0
  } catch {
    return error.negative
  }
}

/// Nothing is left behind when this fails: a descriptor becomes the process's only when its number has
/// reached the caller's memory.
private func allocateDescriptor(
  _ heap: RegisteredHeap, _ number: UInt32, _ argument: UInt
) throws(Errno) {
  let command: AllocationCommand
  do { command = try AllocationCommand(number) } catch { throw .invalidArgument }

  var fields = InlineArray<24, UInt8>(repeating: 0)
  let inputCount = min(command.inputByteCount, AllocationRequest.byteCount)
  var span = fields.mutableSpan
  let uncopied = unsafe span.withUnsafeMutableBytes { bytes in
    unsafe glue_copy_from_user(bytes.baseAddress, argument, UInt(inputCount))
  }
  guard uncopied == 0 else { throw .badAddress }
  let request: AllocationRequest
  // SAFETY: bytes have no padding.
  do {
    request = try unsafe AllocationRequest(
      arguments: fields.span.bytes, pageSize: KernelHost().pageSize)
  } catch {
    throw .invalidArgument
  }

  let flags = request.descriptorFlags.rawValue
  let buffer = unsafe heap.allocate(request)
  guard unsafe buffer.errorNumber == 0 else {
    throw unsafe Errno(returned: buffer.errorNumber)
  }
  let descriptor = glue_reserve_descriptor(flags)
  guard descriptor >= 0 else {
    unsafe glue_drop(buffer)
    throw Errno(returned: Int(descriptor))
  }
  var answer = fields.mutableSpan
  // SAFETY: a byte is any bit pattern, and has no padding.
  var answerBytes = unsafe answer.mutableBytes
  AllocationRequest.encode(descriptor: UInt32(descriptor), into: &answerBytes)
  let outputCount = min(command.outputByteCount, AllocationRequest.byteCount)
  let unanswered = unsafe answer.withUnsafeMutableBytes { bytes in
    unsafe glue_copy_to_user(argument, bytes.baseAddress, UInt(outputCount))
  }
  guard unanswered == 0 else {
    glue_cancel_descriptor(descriptor)
    unsafe glue_drop(buffer)
    throw .badAddress
  }
  unsafe glue_install_descriptor(descriptor, buffer)
}

extension RegisteredHeap {
  /// Has the heap make a dma-buf: ours without a way through C, another module's by its own function.
  ///
  /// - Returns: the dma-buf, or an error pointer.
  func allocate(_ request: AllocationRequest) -> OpaquePointer? {
    let flags = request.descriptorFlags.rawValue
    if let own = unsafe glue_own_heap(pointer) {
      return unsafe KernelHeap.export(own, request.pages, as: pointer, flags)
    }
    let byteCount = KernelHost().pageSize.bytes(in: request.pages)
    return unsafe glue_call_heap(pointer, UInt(byteCount), flags, request.heapFlags)
  }
}
