// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools

extension DeclarationProblem {
  /// What is wrong with a property, as a sentence about it goes on.
  ///
  /// - Parameters:
  ///   - property: its name.
  ///   - pageSize: the host's.
  func text(of property: StaticString, _ pageSize: PageSize) -> String {
    let page = pageSize.bytesPerPage
    switch self {
    case .missing:
      return "is missing"
    case .length(let byteCount, let wanted):
      return "has \(byteCount) bytes instead of \(wanted)"
    case .unknownNode(let phandle):
      return "is \(Self.hex(UInt64(phandle))), which is no node's phandle"
    case .noRegion:
      return "refers to no 'shared-dma-pool' in /reserved-memory"
    case .contradictsNoMap:
      return "and 'no-map' cannot both be"
    case .noPowerOfTwoPages(let byteCount):
      return "is \(Self.hex(byteCount)), which is no power of two of pages of \(page) bytes"
    case .noPages(let number):
      return "has \(Self.hex(number)), which is not one or more whole pages of \(page) bytes"
    case .cellCount(let count):
      return "is \(count) instead of 1 or 2"
    case .tooLarge(let number):
      let most =
        "\(property)" == "chunk-order"
        ? "an order is at most \(RegionRules.largestChunk(pageSize).rawValue)"
        : "a region has at most \(pageSize.bytes(in: RegionRules.mostPages)) bytes"
      return "is too large with \(Self.hex(number)): \(most)"
    case .exceedsRegion(let byteCount):
      return "makes chunks larger than their region, which has \(byteCount) bytes"
    }
  }

  private static func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
}
