// SPDX-License-Identifier: MIT

package import DMAHeaps
import Foundation

/// What ended a measurement.
package enum BenchFailure: Error, CustomStringConvertible {
  case heap(HeapError)
  case systemCall(String, errorNumber: Int32)
  case tooSmall(byteCount: Int, wanted: Int, heap: String)
  case tooMuchAtOnce(String, needed: Int, limit: MemoryLimit)

  package var description: String {
    switch self {
    case .heap(let error):
      "\(error)"
    case .systemCall(let name, let errorNumber):
      "\(name): \(SystemErrorText.of(errorNumber))"
    case .tooSmall(let byteCount, let wanted, let heap):
      "heap '\(heap)' gave \(byteCount) bytes where \(wanted) were asked for"
    case .tooMuchAtOnce(let what, let needed, .available(let available)):
      "\(what) \(Quantity.kilobytes(needed)); "
        + "\(Quantity.kilobytes(available)) of memory are available"
    case .tooMuchAtOnce(let what, let needed, .machine(let total)):
      "\(what) \(Quantity.kilobytes(needed)); the machine has \(Quantity.kilobytes(total))"
    }
  }

  /// Whether descriptors, mappings or memory ran out, which a rival row may do without ending the
  /// run.
  var isShortage: Bool {
    switch self {
    case .heap(let error): [EMFILE, ENFILE, ENOMEM].contains(error.errorNumber)
    case .systemCall(_, let errorNumber): [EMFILE, ENFILE, ENOMEM].contains(errorNumber)
    case .tooSmall: false
    case .tooMuchAtOnce: true
    }
  }
}
