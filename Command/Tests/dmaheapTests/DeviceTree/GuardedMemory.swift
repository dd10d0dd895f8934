// SPDX-License-Identifier: MIT

import Foundation

@testable import dmaheap

extension TreeMemory {
  /// A copy that ends where the memory ends: whoever reads past it, instrumented or not, is ended.
  ///
  /// Up to 7 bytes lie between, as a blob begins at a multiple of 8.
  static func guarded(_ bytes: [UInt8]) -> TreeMemory {
    let page = sysconf(Int32(_SC_PAGESIZE))
    let room = (bytes.count + page - 1) / page * page
    let all = mmap(
      nil, room + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let all, all != MAP_FAILED else { preconditionFailure("there is memory") }
    precondition(mprotect(all, page, PROT_NONE) == 0, "what lies before is out of reach")
    precondition(mprotect(all + page + room, page, PROT_NONE) == 0, "what follows is out of reach")
    let start = all + page + (room - (bytes.count + 7) / 8 * 8)
    bytes.withUnsafeBytes { if let base = $0.baseAddress { memcpy(start, base, $0.count) } }
    return TreeMemory(start: start, byteCount: bytes.count) { _ in munmap(all, room + 2 * page) }
  }
}
