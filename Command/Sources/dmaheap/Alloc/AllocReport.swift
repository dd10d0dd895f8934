// SPDX-License-Identifier: MIT

import HeapBench

/// What an `alloc` did and how long it took.
struct AllocReport: Encodable {
  let heap: String
  let source: HeapSource
  let interface: AllocationInterface
  let byteCount: Int
  let count: Int
  let totalByteCount: Int
  let zeroVerified: Bool?
  let holdSeconds: Double
  let allocation: LatencySummary
  let allocationNanoseconds: UInt64
  let verificationNanoseconds: UInt64?
  let freeNanoseconds: UInt64
  private let size: ByteSize

  init(_ client: HoldingClient, _ durations: HoldingClient.Durations) {
    heap = client.heap
    source = client.source
    interface = client.interface
    size = client.size
    count = client.count
    byteCount = size.byteCount
    totalByteCount = size.byteCount * count
    zeroVerified = client.verifies ? true : nil
    holdSeconds = client.holdSeconds
    allocation = LatencySummary(LatencyDistribution(durations.allocations))
    allocationNanoseconds = durations.allocations.reduce(0, +)
    verificationNanoseconds = client.verifies ? durations.verification : nil
    freeNanoseconds = durations.freeing
  }

  enum CodingKeys: String, CodingKey {
    case heap, source, count
    case interface = "api"
    case byteCount = "bytes"
    case totalByteCount = "total_bytes"
    case zeroVerified = "zero_verified"
    case holdSeconds = "hold_seconds"
    case allocation = "alloc_ns"
    case allocationNanoseconds = "alloc_total_ns"
    case verificationNanoseconds = "verify_total_ns"
    case freeNanoseconds = "free_total_ns"
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(heap, forKey: .heap)
    try container.encode(source, forKey: .source)
    try container.encode(interface, forKey: .interface)
    try container.encode(byteCount, forKey: .byteCount)
    try container.encode(count, forKey: .count)
    try container.encode(totalByteCount, forKey: .totalByteCount)
    // Null when nobody looked.
    try container.encode(zeroVerified, forKey: .zeroVerified)
    try container.encode(holdSeconds, forKey: .holdSeconds)
    try container.encode(allocation, forKey: .allocation)
    try container.encode(allocationNanoseconds, forKey: .allocationNanoseconds)
    try container.encode(verificationNanoseconds, forKey: .verificationNanoseconds)
    try container.encode(freeNanoseconds, forKey: .freeNanoseconds)
  }

  var text: String {
    var lines = [
      "\(count) times \(size) from heap '\(heap)' as \(interface): "
        + "\(Quantity.kilobytes(totalByteCount)) in "
        + Quantity.duration(allocationNanoseconds),
      "each: p50 \(Quantity.duration(allocation.p50)), p99 \(Quantity.duration(allocation.p99)), "
        + "max \(Quantity.duration(allocation.max))",
    ]
    if let verificationNanoseconds {
      lines.append("every byte is zero; checked in \(Quantity.duration(verificationNanoseconds))")
    }
    lines.append("freed in \(Quantity.duration(freeNanoseconds))")
    return lines.joined(separator: "\n")
  }
}
