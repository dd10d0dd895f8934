// SPDX-License-Identifier: MIT

import CHeapChecks
import Glibc
import Synchronization
import TestSupport

/// U3: who zeroes or frees much lets others run. For a guest with one CPU, on which nothing is preempted inside the
/// kernel: there a thread of the highest priority runs when the module lets it, and at no other time.
///
/// What counts is how often it ran, and how long it waited in proportion to the whole: one turn for each MiB is
/// what is promised, one for each 4 MiB and no wait of a third of the time is demanded.
extension Check {
  static let turns: [Check] = [
    Check("turns-zeroing", "others run while buffers are zeroed", .special, needsModule: true) {
      context in
      try demandTurns(context) { node, mebibytes in
        let buffer = try written(node, mebibytes)
        return {
          buffer.close()
          // Looked at more often than elsewhere: what others do after the work is not to count.
          while try isBusy() { usleep(500) }
        }
      }
    },
    Check("turns-allocating", "others run while memory is got", .special, needsModule: true) {
      context in
      try demandTurns(context) { node, mebibytes in
        try Shrinkers.empty()
        return { try node.allocate(mebibytes << 20).close() }
      }
    },
    Check("turns-shrinking", "others run while pools are emptied", .special, needsModule: true) {
      context in
      let size = try ModuleFiles.parameter("page_pool_size")
      defer { try? ModuleFiles.setParameter("page_pool_size", size) }
      return try demandTurns(context) { node, mebibytes in
        try ModuleFiles.setParameter("page_pool_size", size)
        try written(node, mebibytes).close()
        _ = try settledAccounts()
        return { try ModuleFiles.setParameter("page_pool_size", 0) }
      }
    },
  ]

  private static func isBusy() throws -> Bool {
    let accounts = try Accounts()
    return accounts.deferred + accounts.freeing > 0
  }

  private static func written(_ node: HeapNode, _ mebibytes: Int) throws -> DMABuffer {
    let buffer = try node.allocate(mebibytes << 20)
    let mapping = try buffer.map(byteCount: pageSize)
    mapping.setByte(1, at: 0)
    try mapping.unmap()
    return buffer
  }

  /// Does the work that `prepare` returns, with as many MiB as it got, and demands that others ran meanwhile.
  ///
  /// Work that lets nobody run does so each time; a machine that stops does not.
  private static func demandTurns(
    _ context: CheckContext, _ prepare: (HeapNode, Int) throws -> () throws -> Void
  ) throws -> String {
    guard Machine.processorCount == 1 else {
      throw CheckSkipped(reason: "there is more than one CPU")
    }
    let node = try context.node
    let mebibytes = min(128, try Machine.memory("MemAvailable") >> 22)
    var found = Turns()
    for _ in 0..<3 {
      found = try Turns(during: try prepare(node, mebibytes))
      if found.areEnough(for: mebibytes) { return "\(found) in \(mebibytes) MiB" }
    }
    throw CheckFailure("\(found) in \(mebibytes) MiB: others hardly run")
  }
}

/// What a thread of the highest priority, which sleeps for moments, finds while something is done.
private struct Turns: CustomStringConvertible {
  var count = 0
  var milliseconds = 0
  var longest = 0

  init() {}

  init(during work: () throws -> Void) throws {
    let (began, isOver) = (Gate(), Gate())
    let turns = Atomic<Int>(0)
    let longest = Atomic<Int>(0)
    let sleeper = TestThread {
      _ = checks_set_nice(-20)
      began.open()
      var last = Machine.now()
      while !isOver.isOpen {
        usleep(100)
        let now = Machine.now()
        turns.add(1, ordering: .relaxed)
        longest.max(Int((now - last) * 1000), ordering: .relaxed)
        last = now
      }
    }
    began.wait()
    usleep(10_000)
    let before = turns.load(ordering: .relaxed)
    longest.store(0, ordering: .relaxed)
    let start = Machine.now()
    let result = Result { try work() }
    milliseconds = Int((Machine.now() - start) * 1000)
    // It is our turn only when it is not the sleeper's, which therefore has seen the end.
    count = turns.load(ordering: .relaxed) - before
    isOver.open()
    sleeper.join()
    self.longest = longest.load(ordering: .relaxed)
    try result.get()
  }

  /// Work of a few ms may be done in one piece; else there are many turns, and no piece is most of it.
  func areEnough(for mebibytes: Int) -> Bool {
    count >= min(mebibytes, milliseconds) / 4 && (longest <= milliseconds / 3 || longest < 10)
  }

  var description: String {
    "\(count) turns in \(milliseconds) ms, the longest wait \(longest) ms,"
  }
}
