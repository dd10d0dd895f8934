// SPDX-License-Identifier: MIT

import Glibc

/// D2–D4, S1, U3: the worker, what waits for it, and those who do not wait any more.
extension Check {
  static let workers: [Check] = [
    Check(
      "backlog-reclaim", "the kernel takes what waits, and takes it to the source", .special,
      needsModule: true, body: reclaimBacklog),
    Check(
      "kill-allocating", "a process killed in a large request stops there", .special,
      needsModule: true, body: killAllocating),
    Check(
      "freezer", "the worker stands still while the system sleeps", .special, needsModule: true,
      body: freeze),
    Check(
      "freezer-load", "the system goes to sleep under load", .special, needsModule: true,
      body: freezeUnderLoad),
  ]

  /// Allocates, marks as written, and frees buffers of 1 MiB.
  private static func deferMebibytes(_ count: Int, _ node: HeapNode) throws {
    let buffers = try (0..<count).map { _ in try node.allocate(1 << 20) }
    for buffer in buffers {
      let mapping = try buffer.map(byteCount: pageSize)
      mapping.setByte(1, at: 0)
      try mapping.unmap()
    }
    for buffer in buffers { buffer.close() }
  }

  private static func reclaimBacklog(_ context: CheckContext) throws -> String {
    let node = try context.node
    try Shrinkers.empty()
    let count = min(32, try ModuleFiles.parameter("deferred_limit") / 512)
    try require(count > 0, "the backlog's limit is too low for this")
    let worker = try HeldWorker()
    defer { worker.letGo() }
    try deferMebibytes(count, node)
    let before = try Accounts()
    try require(before.deferred >= count * 128, "\(count) MiB do not wait: \(before)")

    let means: String
    if let directory = try KernelShrinker.find("dma-heap-deferred") {
      let listed = try directory.count()
      // All but what the worker had in its hands when it was stopped, if it is counted as waiting.
      try require(
        listed <= before.deferred && listed >= before.deferred - 256,
        "the kernel counts \(listed) pages: \(before)")
      try directory.scan(before.deferred)
      means = "its shrinker's scan"
    } else {
      try Machine.dropCaches(2)
      means = "drop_caches"
    }
    let after = try Accounts()
    try require(
      after.deferred <= before.deferred / 4,
      "after \(means) pages wait as before: \(before); then \(after)")
    try require(
      after.pooled <= before.deferred / 4 && after.taken <= before.taken - before.deferred / 2,
      "after \(means) what waited is pooled: \(before); then \(after)")
    return "\(before.deferred - after.deferred) pages by \(means)"
  }

  /// A process asks for half the memory, and is killed when it has a part.
  ///
  /// How far it got is seen in the machine's free memory, which does not depend on how the module counts.
  private static func killAllocating(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    var best = (asked: 1, got: Int.max)
    for _ in 0..<8 where best.got > best.asked / 2 {
      try Shrinkers.empty()
      try Machine.dropCaches(3)
      let asked = try Machine.memory("MemAvailable") / 2
      let free = try Machine.memory("MemFree")
      let child = try ChildProcess {
        exitStatus { try node.allocate(asked).close() }
      }
      var least = free
      while free - least < asked / 16, least > 0 {
        least = min(least, try Machine.memory("MemFree"))
        if let end = child.poll() { throw CheckFailure("the child ended by itself: \(end)") }
      }
      child.kill()
      var end = child.poll()
      while end == nil {
        least = min(least, try Machine.memory("MemFree"))
        end = child.poll()
      }
      try require(end == .killed(by: SIGKILL), "the killed child: \(end as Any)")
      best = (asked, free - least)
    }
    try baseline.requireReturn("after a killed request")
    let (asked, got) = (best.asked >> 20, best.got >> 20)
    try require(
      best.got <= best.asked / 2, "killed at 1/16 of \(asked) MiB, and went on to \(got) MiB")
    return "asked for \(asked) MiB, killed at 1/16, stopped at \(got)"
  }

  /// Makes the system freeze all that runs, and thaw it again.
  private static func goToSleep(seconds: Int = 1) throws {
    let level = "/sys/power/pm_test"
    guard TextFile.exists(level) else { throw CheckSkipped(reason: "there is no \(level)") }
    try TextFile.write("freezer", to: level)
    defer { try? TextFile.write("none", to: level) }
    let delay = "/sys/module/suspend/parameters/pm_test_delay"
    if TextFile.exists(delay) { try TextFile.write("\(seconds)", to: delay) }
    try TextFile.write("mem", to: "/sys/power/state")
  }

  /// A worker that goes on while all else stands still is done with the backlog when we come back.
  ///
  /// What holds the worker before and after, as it would keep up with us on a slow machine, stands still as well.
  private static func freeze(_ context: CheckContext) throws -> String {
    let node = try context.node
    let limit = try ModuleFiles.parameter("deferred_limit")
    let count = min(limit / 256, try Machine.memory("MemAvailable") >> 22)
    try require(count >= 128, "room for \(count) MiB is too little")
    try Shrinkers.empty()
    let worker = try HeldWorker()
    let before: Accounts
    let after: Accounts
    do {
      defer { worker.letGo() }
      try deferMebibytes(count, node)
      before = try Accounts()
      try goToSleep()
      after = try Accounts()
    }
    _ = try settledAccounts()
    try require(before.deferred >= count * 128, "\(count) MiB do not wait: \(before)")
    try require(
      after.deferred >= before.deferred / 4,
      "the worker worked while the system slept: \(before); then \(after)")
    return "\(before.deferred) pages waited before, \(after.deferred) after"
  }

  /// How often the system goes to sleep under load: of twenty times one finds a client where it matters.
  private static let sleepsUnderLoad = 200

  private static func freezeUnderLoad(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    let random = try ChildProcess {
      exitStatus {
        var client = RandomClient(
          node: node, seed: context.seed, budget: 256 << 20, mayRunShort: true)
        while true { try client.step() }
      }
    }
    // Always in a request, when everybody is to freeze and has not been told yet: such requests are to be begun again.
    let steady = try ChildProcess {
      exitStatus {
        while true { try node.allocate(2 << 20).close() }
      }
    }
    let clients = [random, steady]
    defer {
      for child in clients {
        child.kill()
        _ = child.wait()
      }
    }
    for round in 0..<sleepsUnderLoad {
      usleep(50_000)
      try goToSleep(seconds: 0)
      for client in clients {
        if let end = client.poll() {
          throw CheckFailure("a client ended by itself, after sleep \(round + 1): \(end)")
        }
      }
    }
    for client in clients { client.kill() }
    try baseline.requireReturn("after sleep")
    return "\(sleepsUnderLoad) times"
  }
}
