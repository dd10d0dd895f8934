// SPDX-License-Identifier: MIT

import Glibc
import Synchronization
import TestSupport

/// What must hold while much happens at once.
extension Check {
  static let loads: [Check] = [
    Check("load-threads", "threads allocate and free while pools and caches are shrunk") {
      try threads($0)
    },
    Check("load-kill", "processes are killed while they allocate", body: kill),
    Check(
      "load-pressure", "reclaim takes the pools, and nobody is killed", .special,
      needsModule: true, body: pressure),
    Check(
      "stress", "processes at random, killed at random, shrinkers at random", .special,
      body: stress),
  ]

  /// Bytes that all clients of a load may have live together, so that none fails for want of memory, or of a run of it.
  private static func budget(_ node: HeapNode) throws -> Int {
    min(try Machine.memory("MemAvailable") / 3, node.memory / 4, 256 << 20)
  }

  /// Shrinks something at random.
  private static func shrink(_ random: inout SeededGenerator) throws {
    let choice = random.below(Shrinkers.areThere ? 6 : 2)
    switch choice {
    case 0, 1: try Machine.dropCaches(1 + random.below(3))
    case 2: try ShrinkerFiles.pools.scan(1 + random.below(4096))
    case 3: try ShrinkerFiles.deferred.scan(1 + random.below(4096))
    case 4: _ = try ShrinkerFiles.pools.count()
    default: _ = try ShrinkerFiles.deferred.count()
    }
  }

  private static func threads(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    let threads = context.arguments.threads
    let share = try budget(node) / threads
    let seed = context.seed
    let end = Machine.now() + context.arguments.seconds
    let verdict = Verdict()
    let samples = Atomic<Int>(0)
    TestThread.run(threads + 2) { thread in
      verdict.run {
        var random = SeededGenerator(seed: seed &- UInt64(thread) &- 1)
        switch thread {
        case threads:
          while Machine.now() < end, !verdict.isFailed {
            try shrink(&random)
            // Few machines have as many CPUs as there are threads.
            usleep(UInt32(random.below(5000)))
          }
        case threads + 1:
          while Machine.now() < end, !verdict.isFailed, ModuleFiles.areThere {
            // Checks that they balance.
            _ = try Accounts()
            samples.add(1, ordering: .relaxed)
            usleep(500)
          }
        default:
          var client = RandomClient(node: node, seed: random.next(), budget: share)
          while Machine.now() < end, !verdict.isFailed {
            try client.step()
            verdict.count()
          }
          try client.finish()
        }
      }
    }
    let steps = try verdict.result()
    try baseline.requireReturn("after \(steps) steps")
    let sampled = samples.load(ordering: .relaxed)
    try require(sampled > 0 || !ModuleFiles.areThere, "the accounts were never read")
    return "\(steps) steps on \(threads) threads, accounts read \(sampled) times"
  }

  private static func kill(_ context: CheckContext) throws -> String {
    let node = try context.node
    var random = context.random
    let byteCount = try context.fitting([4 << 20, 16 << 20, 64 << 20]).last ?? 0
    let baseline = try Baseline()
    var slowest = 0.0
    for round in 0..<24 {
      // A cold pool makes allocations long.
      if Shrinkers.areThere, random.oneIn(2) { try Shrinkers.empty() }
      let writes = random.oneIn(2)
      let child = try ChildProcess {
        exitStatus {
          while true {
            let buffers = try (0..<2).map { _ in try node.allocate(byteCount) }
            for buffer in buffers where writes { try buffer.map().fill(9) }
            for buffer in buffers { buffer.close() }
          }
        }
      }
      usleep(UInt32(random.below(150_000)))
      let start = Machine.now()
      child.kill()
      let end = child.wait()
      slowest = max(slowest, Machine.now() - start)
      try require(end == .killed(by: SIGKILL), "round \(round), the child: \(end)")
      try baseline.requireReturn("round \(round), after a kill")
    }
    try require(slowest < 10, "a killed process goes on for \(slowest) s")
    return "24 children, gone after at most \(Int(slowest * 1000)) ms"
  }

  /// P5: memory is wanted, and all that is left is in the pools.
  ///
  /// To be made in a small guest, because all its memory is used.
  private static func pressure(_ context: CheckContext) throws -> String {
    let node = try context.node
    let byteCount = try context.fitting([1 << 20, 4 << 20]).last ?? 0
    let killsBefore = try Machine.killsForMemory()
    let count = try Machine.memory("MemAvailable") / 2 / byteCount
    let filled = try fillPools(node, byteCount, count: count)
    let wantedPages = filled.pooled * 3 / 4
    try require(
      filled.pooled * pageSize > 16 << 20, "the pools are too small to be wanted: \(filled)")
    let bytes = try Machine.memory("MemFree") + wantedPages * pageSize
    let child = try ChildProcess {
      exitStatus {
        // If somebody must be killed, then this process.
        try TextFile.write("1000", to: "/proc/self/oom_score_adj")
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let memory, memory != MAP_FAILED else { throw SystemFailure("mmap") }
        for offset in stride(from: 0, to: bytes, by: pageSize) {
          memory.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self)
        }
      }
    }
    let end = child.wait()
    let after = try settledAccounts()
    try require(end == .exited(0), "the process that wants memory: \(end); \(after)")
    let kills = try Machine.killsForMemory() - killsBefore
    try require(kills == 0, "\(kills) processes were killed for want of memory")
    let shrunk = filled.pooled - after.pooled
    try require(shrunk >= wantedPages / 2, "pools shrank by \(shrunk): \(filled); then \(after)")
    return "pools went from \(filled.pooled) to \(after.pooled) pages"
  }

  private static func stress(_ context: CheckContext) throws -> String {
    let node = try context.node
    var random = context.random
    let baseline = try Baseline()
    let processes = context.arguments.threads
    let share = try budget(node) / processes
    let limit = ModuleFiles.areThere ? try ModuleFiles.parameter("page_pool_size") : 0
    defer { if limit > 0 { try? ModuleFiles.setParameter("page_pool_size", limit) } }

    func start() throws -> ChildProcess {
      let seed = random.next()
      return try ChildProcess {
        exitStatus {
          var client = RandomClient(
            node: node, seed: seed, budget: share, mayRunShort: true)
          while true { try client.step() }
        }
      }
    }

    let end = Machine.now() + context.arguments.seconds
    var children = try (0..<processes).map { _ in try start() }
    var actions = 0
    var kills = 0
    while Machine.now() < end {
      usleep(UInt32(random.below(20_000)))
      for child in children {
        if let end = child.poll() { throw CheckFailure("a client ended by itself: \(end)") }
      }
      if random.oneIn(8) {
        let index = random.below(processes)
        children[index].kill()
        _ = children[index].wait()
        children[index] = try start()
        kills += 1
      } else if limit > 0, random.oneIn(8) {
        try ModuleFiles.setParameter("page_pool_size", random.below(limit + 1))
      } else {
        try shrink(&random)
      }
      if ModuleFiles.areThere { _ = try Accounts() }
      actions += 1
    }
    for child in children {
      child.kill()
      _ = child.wait()
    }
    try baseline.requireReturn("after \(actions) actions")
    return "\(actions) actions, \(kills) of them kills"
  }
}
