// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// Sequences of charges, frees and changes of limits, each step compared with the model.
struct LedgerSequenceTests {
  private struct Case: CustomTestStringConvertible {
    let configuration: LedgerDriver.Configuration
    let operations: [LedgerDriver.Operation]
    /// How many sequences of the full depth there are: a change says that something was lost or added.
    let sequences: (full: Int, short: Int)

    var testDescription: String { configuration.testDescription }
  }

  private static let cases = [
    // Limits that hold two users and root, and that change.
    Case(
      configuration: LedgerDriver.Configuration(totalLimit: 4, clientLimit: 2),
      operations: [
        .charge(user: 1, pages: 1, shard: 0), .charge(user: 1, pages: 2, shard: 0),
        .charge(user: 2, pages: 1, shard: 0), .charge(user: 0, pages: 3, shard: 0),
        .freeOldest(user: 1, shard: 0), .freeOldest(user: 0, shard: 0), .freeNewest(shard: 0),
        .setTotalLimit(2), .setTotalLimit(5), .setClientLimit(1), .setClientLimit(3),
      ], sequences: (554_511, 6122)),
    // What one shard keeps in stock is there for the other before anybody is refused.
    Case(
      configuration: LedgerDriver.Configuration(
        totalLimit: 4, clientLimit: 4, shardCount: 2, slack: 3),
      operations: [
        .charge(user: 1, pages: 1, shard: 0), .charge(user: 1, pages: 3, shard: 1),
        .charge(user: 2, pages: 2, shard: 0), .charge(user: 0, pages: 4, shard: 1),
        .freeOldest(user: 1, shard: 1), .freeOldest(user: 2, shard: 0), .freeNewest(shard: 0),
        .freeNewest(shard: 1), .setTotalLimit(1), .setTotalLimit(5),
      ], sequences: (190_317, 2908)),
    // More users than entries.
    Case(
      configuration: LedgerDriver.Configuration(
        totalLimit: 6, clientLimit: 2, userCapacity: 1, processCapacity: 2),
      operations: [
        .charge(user: 1, pages: 1, shard: 0), .charge(user: 2, pages: 1, shard: 0),
        .charge(user: 3, pages: 2, shard: 0), .charge(user: 0, pages: 2, shard: 0),
        .charge(user: .max, pages: 1, shard: 0), .freeOldest(user: 1, shard: 0),
        .freeOldest(user: 2, shard: 0), .freeOldest(user: 3, shard: 0), .freeNewest(shard: 0),
        .setClientLimit(1), .setClientLimit(3),
      ], sequences: (334_100, 4195)),
  ]

  @Test(.timeLimit(.minutes(20)), arguments: cases)
  private func everySequence_agreesWithTheModel(_ each: Case) throws {
    let isFull = TestScale.isReleaseBuild && !TestScale.isSanitized
    let depth = isFull ? 6 : 4
    var sequences = 0
    var path: [LedgerDriver.Operation] = []

    func extend() throws {
      guard path.count < depth else {
        sequences += 1
        return
      }
      for operation in each.operations {
        var driver = LedgerDriver(each.configuration)
        for earlier in path { try driver.apply(earlier) }
        guard driver.isPossible(operation) else { continue }
        try driver.apply(operation)
        try driver.compare()
        try driver.close()
        path.append(operation)
        try extend()
        path.removeLast()
      }
    }
    try extend()
    print("ledger, \(each.testDescription): \(sequences) sequences of \(depth)")
    #expect(sequences == (isFull ? each.sequences.full : each.sequences.short))
  }

  @Test(
    .timeLimit(.minutes(20)),
    arguments: [
      LedgerDriver.Configuration(totalLimit: 40, clientLimit: 15, userCapacity: 16),
      LedgerDriver.Configuration(
        totalLimit: 300, clientLimit: 200, userCapacity: 3, processCapacity: 2, shardCount: 4,
        slack: 16),
      LedgerDriver.Configuration(
        totalLimit: 64, clientLimit: 4, userCapacity: 40, processCapacity: 64, shardCount: 8,
        slack: 1),
    ])
  func longRun_agreesWithTheModel(_ configuration: LedgerDriver.Configuration) throws {
    var random = SeededGenerator(for: "longRun_agreesWithTheModel(\(configuration.totalLimit))")
    var driver = LedgerDriver(configuration)
    for _ in 0..<TestScale.operations / 10 {
      let operation = Self.operation(&random, configuration)
      guard driver.isPossible(operation) else { continue }
      try driver.apply(operation)
      try driver.compare()
    }
    #expect(driver.refusals > 0)
    try driver.close()
  }

  private static func operation(
    _ random: inout SeededGenerator, _ configuration: LedgerDriver.Configuration
  ) -> LedgerDriver.Operation {
    // Numbers as users have them: root, a few, and far ones that share places.
    let user = UInt32(random.oneIn(8) ? 0 : 1000 + 7 * random.below(10))
    let shard = random.below(configuration.shardCount)
    return switch random.below(100) {
    case 0..<50:
      .charge(
        user: random.oneIn(40) ? .max : user,
        pages: 1 + random.below(random.oneIn(8) ? configuration.totalLimit : 6), shard: shard)
    case 50..<75: .freeOldest(user: user, shard: shard)
    case 75..<96: .freeNewest(shard: shard)
    case 96..<98: .setTotalLimit(random.below(2 * configuration.totalLimit))
    default: .setClientLimit(random.below(2 * configuration.clientLimit))
    }
  }
}
