// SPDX-License-Identifier: MIT

import CMeasurement
import DMAHeaps

/// A provider whose memory can be read back.
protocol CheckableProvider: MemoryProvider {
  /// Index of the first byte that is not zero; nil if all are.
  func firstNonzero(_ memory: borrowing Memory) throws(BenchFailure) -> Int?
}

extension BufferProvider: CheckableProvider {
  func firstNonzero(_ memory: borrowing Buffer) -> Int? {
    // SAFETY: the pointer is used inside the closure only, for as many bytes as it has.
    let index = unsafe memory.withUnsafeBytes { bytes in
      unsafe measurement_first_nonzero(bytes.baseAddress, bytes.count)
    }
    return index < memory.byteCount ? index : nil
  }
}

extension DescriptorProvider: CheckableProvider {
  func firstNonzero(_ memory: borrowing OwnedDescriptor) throws(BenchFailure) -> Int? {
    var index = 0
    // SAFETY: the call writes one integer, which outlives it.
    let errorNumber = unsafe measurement_first_nonzero_of_descriptor(
      memory.rawValue, byteCount, &index)
    guard errorNumber == 0 else { throw .systemCall("mmap", errorNumber: errorNumber) }
    return index < byteCount ? index : nil
  }
}
