// SPDX-License-Identifier: MIT

import ArgumentParser
import HeapBench

extension AllocationInterface: ExpressibleByArgument {}

extension HeapSource: ExpressibleByArgument {}

extension ByteSize {
  /// For options: the parser shows a `ValidationError`'s text as it is.
  static func parseArgument(_ input: String) throws -> ByteSize {
    do throws(ByteSizeError) {
      return try parse(input)
    } catch {
      throw ValidationError(error.description)
    }
  }
}
