// SPDX-License-Identifier: MIT

import CMeasurement
import DMAHeaps

/// A kernel heap's dma-bufs: freed when closed; a client that wants the bytes maps them.
struct KernelProvider: CheckableProvider {
  let heap: KernelHeap
  let byteCount: Int

  func allocate() throws(BenchFailure) -> OwnedDescriptor {
    do throws(HeapError) {
      return try heap.allocateDescriptor(byteCount: byteCount)
    } catch {
      throw .heap(error)
    }
  }

  func forAnotherThread() throws(BenchFailure) -> KernelProvider {
    do throws(HeapError) {
      return KernelProvider(heap: try KernelHeap(named: heap.name), byteCount: byteCount)
    } catch {
      throw .heap(error)
    }
  }

  /// Writes to every page, not every byte: page faults are the kernel's work, the rest is memory's, the
  /// same for every heap, and under emulation many times as long as what is compared.
  func write(_ memory: inout OwnedDescriptor) throws(BenchFailure) {
    let errorNumber = measurement_map_and_touch(memory.rawValue, byteCount)
    guard errorNumber == 0 else { throw .systemCall("mmap", errorNumber: errorNumber) }
  }

  func release(_ memory: consuming OwnedDescriptor) {
    _ = consume memory
  }
}

extension KernelProvider {
  /// Looks at all of the buffer, whatever its size, which must be no less than was asked for.
  func firstNonzero(_ memory: borrowing OwnedDescriptor) throws(BenchFailure) -> Int? {
    let size = try self.size(of: memory)
    guard size >= byteCount else {
      throw .tooSmall(byteCount: size, wanted: byteCount, heap: heap.name)
    }
    try bracket(memory, begins: true)
    var index = 0
    // SAFETY: the call writes one integer, which outlives it.
    let errorNumber = unsafe measurement_first_nonzero_of_descriptor(memory.rawValue, size, &index)
    try bracket(memory, begins: false)
    guard errorNumber == 0 else { throw .systemCall("mmap", errorNumber: errorNumber) }
    return index < size ? index : nil
  }

  private func size(of memory: borrowing OwnedDescriptor) throws(BenchFailure) -> Int {
    do throws(HeapError) {
      return try heap.byteCount(of: memory)
    } catch {
      throw .heap(error)
    }
  }

  private func bracket(
    _ memory: borrowing OwnedDescriptor, begins: Bool
  ) throws(BenchFailure) {
    do throws(HeapError) {
      if begins {
        try heap.beginAccess(to: memory, .read)
      } else {
        try heap.endAccess(to: memory, .read)
      }
    } catch {
      throw .heap(error)
    }
  }
}
