// SPDX-License-Identifier: MIT

import TestSupport
import Testing

/// Every reachable state of a small set of pools, and every operation in each.
struct ExhaustiveTests {
  /// One way to a state: the last operation, and where the way before it ends.
  private struct Step {
    let operation: PoolModel.Operation?
    let parent: Int
  }

  private struct Case: CustomTestStringConvertible {
    let configuration: PoolDriver.Configuration
    let limits: [Int]
    /// How many states and transitions there are: a change says that something was lost or added.
    let states: Int
    let transitions: Int

    var testDescription: String {
      "\(configuration.shardCount) shards, \(configuration.capacity) pages, "
        + "slack of \(configuration.reservationSlack)"
    }
  }

  private static let cases = [
    Case(
      configuration: PoolDriver.Configuration(
        sizes: [1, 2, 3], shardCount: 1, limit: 4, deferredLimit: 3, capacity: 6),
      limits: [0, 4], states: 1176, transitions: 16473),
    Case(
      configuration: PoolDriver.Configuration(
        sizes: [1, 2, 4], shardCount: 1, limit: 5, deferredLimit: 4, capacity: 8),
      limits: [2, 5], states: 4206, transitions: 60360),
    // A block of three pages is more than may wait, and waits alone.
    Case(
      configuration: PoolDriver.Configuration(
        sizes: [1, 2, 3], shardCount: 2, limit: 4, deferredLimit: 2, capacity: 6),
      limits: [4], states: 1806, transitions: 31524),
    // The same states whatever a shard keeps reserved: the limit holds exactly.
    Case(
      configuration: PoolDriver.Configuration(
        sizes: [1, 2, 3], shardCount: 2, limit: 4, deferredLimit: 2, capacity: 6,
        reservationSlack: 2),
      limits: [4], states: 1806, transitions: 31524),
  ]

  @Test(.timeLimit(.minutes(20)), arguments: cases)
  private func everyReachableState_everyOperation_agreesWithTheModel(_ each: Case) throws {
    let operations = Self.operations(each)
    let start = try PoolDriver(each.configuration)
    var seen: Set<[UInt8]> = [start.model.key]
    var steps = [Step(operation: nil, parent: 0)]
    var transitions = 0
    var next = 0
    while next < steps.count {
      var driver = try Self.replay(to: next, steps, each.configuration)
      let key = driver.model.key
      for operation in operations where driver.model.isPossible(operation) {
        try driver.apply(operation)
        try driver.compare(after: operation)
        transitions += 1
        let reached = driver.model.key
        // Where nothing changed, the same set goes on.
        guard reached != key else { continue }
        if seen.insert(reached).inserted {
          steps.append(Step(operation: operation, parent: next))
        }
        try driver.close()
        driver = try Self.replay(to: next, steps, each.configuration)
      }
      try driver.close()
      next += 1
    }
    try start.close()
    print("exhaustive, \(each.testDescription): \(seen.count) states, \(transitions) transitions")
    #expect(seen.count == each.states)
    #expect(transitions == each.transitions)
  }

  private static func operations(_ each: Case) -> [PoolModel.Operation] {
    var operations: [PoolModel.Operation] = []
    for pool in each.configuration.sizes.indices {
      for shard in 0..<each.configuration.shardCount {
        operations.append(.obtain(pool: pool, shard: shard))
        operations.append(.give(pool: pool, shard: shard))
      }
      operations.append(.release(pool: pool))
      operations.append(.deferFree(pool: pool))
    }
    for shard in 0..<each.configuration.shardCount {
      operations.append(.freeOldest(shard: shard))
    }
    operations += [.scanDeferred(0), .scanDeferred(1), .scanDeferred(3), .scan(1), .scan(3)]
    return operations + each.limits.map { .setLimit($0) }
  }

  /// A set that was brought into a state by the operations that led there first.
  private static func replay(
    to state: Int, _ steps: [Step], _ configuration: PoolDriver.Configuration
  ) throws -> PoolDriver {
    var path: [PoolModel.Operation] = []
    var at = state
    while let operation = steps[at].operation {
      path.append(operation)
      at = steps[at].parent
    }
    let driver = try PoolDriver(configuration)
    for operation in path.reversed() { try driver.apply(operation) }
    return driver
  }
}
