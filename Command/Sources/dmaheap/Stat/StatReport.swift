// SPDX-License-Identifier: MIT

import DMAHeaps

/// Pools, totals and heaps at one instant.
struct StatReport {
  /// Free blocks of one size.
  struct Pool: Encodable {
    let memory: String
    let blockByteCount: Int
    let blockCount: Int

    var byteCount: Int { blockByteCount * blockCount }

    enum CodingKeys: String, CodingKey {
      case memory
      case blockByteCount = "block_bytes"
      case blockCount = "blocks"
    }
  }

  /// What one heap did.
  struct Activity: Encodable {
    let name: String
    let liveBuffers: Int
    let liveByteCount: Int
    let allocations: Int
    let poolMisses: Int
    let failures: Int

    enum CodingKeys: String, CodingKey {
      case name, allocations, failures
      case liveBuffers = "live_buffers"
      case liveByteCount = "live_bytes"
      case poolMisses = "pool_misses"
    }
  }

  let takenByteCount: Int
  let inBuffersByteCount: Int
  let deferredByteCount: Int
  let pooledByteCount: Int
  let poolLimitByteCount: Int
  let pools: [Pool]
  let poolTable: String
  let heaps: [Activity]

  /// Pooled bytes that none of the heaps' pools accounts for: other users of the pool library share
  /// its limit and its total.
  var otherPoolsByteCount: Int { pooledByteCount - pools.reduce(0) { $0 + $1.byteCount } }

  /// Whether every byte taken from the source is in exactly one place.
  var isBalanced: Bool {
    takenByteCount == inBuffersByteCount + deferredByteCount + pooledByteCount
  }
}

extension StatReport {
  init(_ statistics: HeapStatistics) {
    self.init(
      takenByteCount: statistics.takenByteCount,
      inBuffersByteCount: statistics.inBuffersByteCount,
      deferredByteCount: statistics.waitingByteCount,
      pooledByteCount: statistics.pooledByteCount,
      poolLimitByteCount: statistics.poolLimitByteCount,
      pools: statistics.pools.map {
        Pool(memory: $0.memory, blockByteCount: $0.blockByteCount, blockCount: $0.blockCount)
      },
      poolTable: statistics.poolTable,
      heaps: statistics.heaps.map {
        Activity(
          name: $0.name, liveBuffers: $0.liveBuffers, liveByteCount: $0.liveByteCount,
          allocations: $0.allocations, poolMisses: $0.poolMisses, failures: $0.failures)
      })
  }
}
