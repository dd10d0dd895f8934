// SPDX-License-Identifier: MIT

import CHeapChecks
import Glibc
import Synchronization
import TestSupport

/// U3: who zeroes or frees much lets others run. For a guest with one CPU, on which nothing is preempted inside the
/// kernel: there a thread of the highest priority runs when the module lets it, and at no other time.
///
/// What counts is how often it ran, not how late: one turn for each MiB is what is promised, one for each 8 MiB
/// is demanded, because an emulated machine may also stop as a whole.
extension Check {
  static let turns: [Check] = [
    Check("turns-zeroing", "others run while buffers are zeroed", .special, needsModule: true) {
      context in
      try demandTurns(context) { node, mebibytes in
        let buffer = try written(node, mebibytes)
        return {
          buffer.close()
          _ = try settledAccounts()
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
        try written(node, mebibytes).close()
        _ = try settledAccounts()
        return { try ModuleFiles.setParameter("page_pool_size", 0) }
      }
    },
  ]

  private static func written(_ node: HeapNode, _ mebibytes: Int) throws -> DMABuffer {
    let buffer = try node.allocate(mebibytes << 20)
    let mapping = try buffer.map(byteCount: pageSize)
    mapping.setByte(1, at: 0)
    try mapping.unmap()
    return buffer
  }

  /// Does the work that `prepare` returns, with as many MiB as it got, and counts what others do meanwhile.
  private static func demandTurns(
    _ context: CheckContext, _ prepare: (HeapNode, Int) throws -> () throws -> Void
  ) throws -> String {
    guard Machine.processorCount == 1 else {
      throw CheckSkipped(reason: "there is more than one CPU")
    }
    let node = try context.node
    let mebibytes = min(128, try Machine.memory("MemAvailable") >> 22)
    let work = try prepare(node, mebibytes)

    let isOver = Gate()
    let began = Gate()
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
        longest.max(Int((now - last) * 1e6), ordering: .relaxed)
        last = now
      }
    }
    began.wait()
    usleep(10_000)
    let before = turns.load(ordering: .relaxed)
    longest.store(0, ordering: .relaxed)
    let start = Machine.now()
    let result = Result { try work() }
    let milliseconds = Int((Machine.now() - start) * 1000)
    let count = turns.load(ordering: .relaxed) - before
    isOver.open()
    sleeper.join()
    try result.get()

    // Work that takes a few ms may be done in one piece.
    let wanted = min(mebibytes / 8, milliseconds / 10)
    let said =
      "\(count) turns in \(mebibytes) MiB and \(milliseconds) ms, "
      + "the longest wait \(longest.load(ordering: .relaxed)) µs"
    try require(count >= wanted, "\(said): \(wanted) turns are the least")
    return said
  }
}
