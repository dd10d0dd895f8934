// SPDX-License-Identifier: MIT

import TestSupport
import Testing

/// Long random runs against the model, with allocations that fail at random.
struct RandomTests {
  private static let configurations = [
    PoolDriver.Configuration(
      sizes: [1, 16, 256], shardCount: 1, limit: 600, deferredLimit: 300, capacity: 1200),
    PoolDriver.Configuration(
      sizes: [1, 2, 3, 4, 5], shardCount: 4, limit: 20, deferredLimit: 8, capacity: 60),
    PoolDriver.Configuration(
      sizes: [7], shardCount: 8, limit: 70, deferredLimit: 0, capacity: 140),
    PoolDriver.Configuration(
      sizes: [1, 3], shardCount: 3, limit: 24, deferredLimit: 6, capacity: 60,
      reservationSlack: 5),
  ]

  @Test(.timeLimit(.minutes(30)), arguments: configurations.indices)
  func longRun_agreesWithTheModel(_ index: Int) throws {
    let configuration = Self.configurations[index]
    var random = SeededGenerator(for: "longRun_agreesWithTheModel(\(index))")
    let driver = try PoolDriver(configuration)
    for _ in 0..<TestScale.operations {
      let operation = Self.operation(&random, configuration)
      guard driver.model.isPossible(operation) else { continue }
      let isFailing = random.oneIn(20)
      if isFailing {
        driver.host.failAllocation(1, with: random.oneIn(2) ? .interrupted : .outOfMemory)
      }
      try driver.apply(operation)
      try driver.compare(after: operation)
      if isFailing { driver.host.failAbove(livePages: configuration.capacity) }
    }
    try driver.close()
  }

  private static func operation(
    _ random: inout SeededGenerator, _ configuration: PoolDriver.Configuration
  ) -> PoolModel.Operation {
    let pool = random.below(configuration.sizes.count)
    let shard = random.below(configuration.shardCount)
    switch random.below(64) {
    case 0..<24: return .obtain(pool: pool, shard: shard)
    case 24..<40: return .give(pool: pool, shard: shard)
    case 40..<44: return .release(pool: pool)
    case 44..<52: return .deferFree(pool: pool)
    case 52..<58: return .freeOldest(shard: shard)
    case 58: return .scanDeferred(random.below(configuration.deferredLimit + 2))
    case 59..<63: return .scan(random.below(8))
    default: return .setLimit(random.oneIn(4) ? 0 : random.below(configuration.limit + 1))
    }
  }
}
