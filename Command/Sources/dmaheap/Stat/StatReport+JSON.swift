// SPDX-License-Identifier: MIT

extension StatReport: Encodable {
  private enum CodingKeys: String, CodingKey {
    case heaps, pools, balanced
    case totalPool = "total_pool_bytes"
    case poolLimit = "pool_limit_bytes"
    case otherPools = "other_pools_bytes"
    case taken = "taken_bytes"
    case inBuffers = "in_buffers_bytes"
    case deferred = "deferred_bytes"
    case pooled = "pooled_bytes"
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(pooledByteCount, forKey: .totalPool)
    try container.encode(poolLimitByteCount, forKey: .poolLimit)
    try container.encode(otherPoolsByteCount, forKey: .otherPools)
    try container.encode(takenByteCount, forKey: .taken)
    try container.encode(inBuffersByteCount, forKey: .inBuffers)
    try container.encode(deferredByteCount, forKey: .deferred)
    try container.encode(pooledByteCount, forKey: .pooled)
    try container.encode(isBalanced, forKey: .balanced)
    try container.encode(pools, forKey: .pools)
    try container.encode(heaps, forKey: .heaps)
  }
}
