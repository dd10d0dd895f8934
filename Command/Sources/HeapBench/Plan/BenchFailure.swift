// SPDX-License-Identifier: MIT

package import DMAHeaps
import Foundation

/// What ended a measurement.
package enum BenchFailure: Error, CustomStringConvertible {
  case heap(HeapError)
  case systemCall(String, errorNumber: Int32)
  case tooSmall(byteCount: Int, wanted: Int, heap: String)
  case moreThanTheMachineHas(needed: Int, total: Int, count: Int, size: ByteSize)
  case notEnoughMemory(needed: Int, available: Int, burst: Int, size: ByteSize)

  package var description: String {
    switch self {
    case .heap(let error):
      "\(error)"
    case .systemCall(let name, let errorNumber):
      "\(name): \(SystemErrorText.of(errorNumber))"
    case .tooSmall(let byteCount, let wanted, let heap):
      "heap '\(heap)' gave \(byteCount) bytes where \(wanted) were asked for"
    case .moreThanTheMachineHas(let needed, let total, let count, let size):
      "\(count) times \(size) at once need \(Quantity.kilobytes(needed)); "
        + "the machine has \(Quantity.kilobytes(total))"
    case .notEnoughMemory(let needed, let available, let burst, let size):
      "a burst of \(burst) times \(size) needs \(Quantity.kilobytes(needed)); "
        + "\(Quantity.kilobytes(available)) of memory are available"
    }
  }

  /// Whether descriptors, mappings or memory ran out, which a rival row may do without ending the
  /// run.
  var isShortage: Bool {
    switch self {
    case .heap(let error): [EMFILE, ENFILE, ENOMEM].contains(error.errorNumber)
    case .systemCall(_, let errorNumber): [EMFILE, ENFILE, ENOMEM].contains(errorNumber)
    case .tooSmall: false
    case .notEnoughMemory, .moreThanTheMachineHas: true
    }
  }
}
