// SPDX-License-Identifier: MIT

import DMAHeaps
import HeapBench

/// A region as it is listed with one of its heaps.
struct RegionReport: Encodable {
  let name: String
  let byteCount: Int
  let freeByteCount: Int
  let largestRunByteCount: Int
  let chunkByteCount: Int?

  enum CodingKeys: String, CodingKey {
    case name
    case byteCount = "bytes"
    case freeByteCount = "free_bytes"
    case largestRunByteCount = "largest_run_bytes"
    case chunkByteCount = "chunk_bytes"
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(byteCount, forKey: .byteCount)
    try container.encode(freeByteCount, forKey: .freeByteCount)
    try container.encode(largestRunByteCount, forKey: .largestRunByteCount)
    try container.encode(chunkByteCount, forKey: .chunkByteCount)
  }

  var text: String {
    func size(_ byteCount: Int) -> String { ByteSize(byteCount: byteCount).description }
    let cut = chunkByteCount.map { "in chunks of \(size($0))" } ?? "in runs"
    return "\(name), \(size(byteCount)) \(cut); \(size(freeByteCount)) free, "
      + "\(size(largestRunByteCount)) of it in one run"
  }
}

extension RegionReport {
  init(_ region: RegionDescription) {
    self.init(
      name: region.name, byteCount: region.byteCount, freeByteCount: region.freeByteCount,
      largestRunByteCount: region.largestRunByteCount, chunkByteCount: region.chunkByteCount)
  }
}
