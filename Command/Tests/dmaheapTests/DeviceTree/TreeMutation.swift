// SPDX-License-Identifier: MIT

import CFDT

@testable import dmaheap

/// Damaged blobs: one byte, number or name of each class at a time.
enum TreeMutation: String, CaseIterable {
  case header, token, propertyLength, nameOffset, nodeName, value, strings, reservation, end

  /// All blobs of the class.
  func blobs(of blob: [UInt8]) -> [[UInt8]] {
    let layout = BlobLayout(blob)
    func numbers(at offsets: [Int], _ others: [UInt32]) -> [[UInt8]] {
      offsets.flatMap { offset in
        let old = blob.number(at: offset)
        return Set(others + [old &+ 1, old &- 1, old &+ 4, old << 8, old | 0x8000_0000])
          .subtracting([old]).sorted().map { blob.setting($0, at: offset) }
      }
    }
    func bytes(at offsets: [Int], _ others: [UInt8]) -> [[UInt8]] {
      offsets.flatMap { offset in
        others.filter { $0 != blob[offset] }.map { other in
          var blob = blob
          blob[offset] = other
          return blob
        }
      }
    }
    let extremes: [UInt32] = [
      0, 1, 3, 4, 0x7FFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFC, UInt32(blob.count),
    ]
    switch self {
    case .header:
      return numbers(at: Array(stride(from: 0, to: 40, by: 4)), extremes + [2, 16, 17, 18])
    case .token: return numbers(at: layout.tokens, [0, 1, 2, 3, 4, 5, 9, 0xFFFF_FFFF])
    case .propertyLength:
      return numbers(at: layout.properties.map { $0 + 4 }, extremes + (1...16).map { 0 &- $0 })
    case .nameOffset: return numbers(at: layout.properties.map { $0 + 8 }, extremes)
    case .nodeName:
      return bytes(at: layout.names, [0, 0x1B, 0x2F, 0x40, 0x78, 0xFF])
    case .value: return bytes(at: layout.values, [0, 1, 0x80, 0xFF])
    case .strings: return bytes(at: Array(layout.strings), [0, 0x61, 0xFF])
    case .reservation: return bytes(at: Array(layout.reservations), [0, 1, 0xFF])
    case .end:
      return (0..<blob.count).flatMap { count in
        // Once as it is cut off, once as if it had never been longer.
        let short = Array(blob.prefix(count))
        return count < 8 ? [short] : [short, short.setting(UInt32(count), at: 4)]
      }
    }
  }
}

/// Where what is in a blob, as libfdt finds it.
struct BlobLayout {
  private(set) var tokens: [Int] = []
  private(set) var properties: [Int] = []
  private(set) var names: [Int] = []
  private(set) var values: [Int] = []
  let strings: Range<Int>
  let reservations: Range<Int>

  init(_ blob: [UInt8]) {
    let structure = Int(blob.number(at: 8))
    let first = Int(blob.number(at: 12))
    strings = first..<first + Int(blob.number(at: 32))
    let reserved = Int(blob.number(at: 16))
    reservations = reserved..<min(reserved + 32, structure)
    let memory = TreeMemory(blob)
    var offset: Int32 = 0
    while offset >= 0 {
      var next: Int32 = 0
      let tag = fdt_next_tag(memory.start, offset, &next)
      let place = structure + Int(offset)
      tokens.append(place)
      switch tag {
      case UInt32(FDT_BEGIN_NODE): names += place + 4..<structure + Int(next)
      case UInt32(FDT_PROP):
        properties.append(place)
        values += place + 12..<structure + Int(next)
      case UInt32(FDT_END): return
      default: break
      }
      offset = next
    }
  }
}

extension [UInt8] {
  /// The number of four bytes, the most significant first.
  func number(at offset: Int) -> UInt32 {
    self[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
  }

  func setting(_ number: UInt32, at offset: Int) -> [UInt8] {
    var bytes = self
    for index in 0..<4 {
      bytes[offset + index] = UInt8(truncatingIfNeeded: number >> (24 - 8 * index))
    }
    return bytes
  }
}
