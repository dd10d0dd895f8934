// SPDX-License-Identifier: MIT

import Glibc
import Synchronization
import TestSupport

/// H6: every byte is zero when a buffer is handed out, whatever was in its pages before, whoever wrote
/// it, and in whichever way that was found out or missed.
extension Check {
  static let zeroing: [Check] = [
    Check("zero-recycled", "all bytes are zero, time and again, after all were written") {
      context in
      try recycle(context) { buffer in try writeAll(buffer) }
    },
    Check("zero-one-byte", "also when one byte was written, through a mapping of the last page") {
      context in
      try recycle(context) { buffer in
        let last = (buffer.pages - 1) * pageSize
        let mapping = try buffer.map(offset: last)
        mapping.setByte(0xFF, at: pageSize - 1)
        try mapping.unmap()
      }
    },
    Check("zero-made-writable", "also when a mapping for reading was made writable") { context in
      try recycle(context) { buffer in
        let mapping = try buffer.map(protection: PROT_READ)
        try mapping.protect(PROT_READ | PROT_WRITE)
        mapping.fill(3)
        try mapping.unmap()
      }
    },
    Check("zero-written-elsewhere", "also when another process wrote") { context in
      try recycle(context) { buffer in
        let child = try ChildProcess { exitStatus { try writeAll(buffer) } }
        let end = child.wait()
        try require(end == .exited(0), "the writing child: \(end)")
      }
    },
    Check("zero-never-written", "also when nobody wrote: read, or not even mapped") { context in
      try recycle(context) { buffer in
        let mapping = try buffer.map(protection: PROT_READ)
        try mapping.requireZero("mapped for reading")
        try mapping.unmap()
      }
    },
    Check("zero-under-pressure", "also after the deferred list was shrunk", needsModule: true) {
      context in try shrinkDeferred(context)
    },
    Check("zero-threads", "also when threads recycle at once") { context in
      try recycleOnThreads(context)
    },
  ]

  private static func writeAll(_ buffer: DMABuffer) throws {
    let mapping = try buffer.map()
    mapping.fill(0x5EED)
    try mapping.unmap()
  }

  /// Allocates, checks, and lets `use` do something to the buffer before it is closed.
  private static func recycle(
    _ context: CheckContext, _ use: (DMABuffer) throws -> Void
  ) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    var buffers = 0
    for byteCount in try context.fitting() {
      let rounds = byteCount > 1 << 20 ? 4 : 12
      for round in 0..<rounds {
        try requireZero(node, byteCount, "\(byteCount) bytes, round \(round)", use)
        buffers += 1
      }
    }
    try baseline.requireReturn("after \(buffers) buffers")
    return "\(buffers) buffers"
  }

  private static func requireZero(
    _ node: HeapNode, _ byteCount: Int, _ what: @autoclosure () -> String,
    _ use: (DMABuffer) throws -> Void
  ) throws {
    let buffer = try node.allocate(byteCount)
    let mapping = try buffer.map(protection: PROT_READ)
    try mapping.requireZero(what())
    try mapping.unmap()
    try use(buffer)
    buffer.close()
  }

  /// D2: memory that goes from the list to its source under pressure, and what is allocated next.
  private static func shrinkDeferred(_ context: CheckContext) throws -> String {
    let node = try context.node
    let byteCount = try context.fitting([1 << 20, 4 << 20, 32 << 20]).last ?? 0
    var shrunkPages = 0
    for round in 0..<12 {
      let buffers = try (0..<3).map { _ in try node.allocate(byteCount) }
      for buffer in buffers { try writeAll(buffer) }
      for buffer in buffers { buffer.close() }
      let before = try Accounts()
      try ShrinkerFiles.deferred.scan(1 << 30)
      // Only the shrinker gives memory back; the worker moves it to the pools.
      shrunkPages += before.taken - (try Accounts().taken)
      for size in try context.fitting([4096, 69632, byteCount]) {
        try requireZero(node, size, "\(size) bytes after shrinking, round \(round)", writeAll)
      }
    }
    try require(shrunkPages > 0, "in 12 rounds nothing was on the list when it was shrunk")
    return "\(shrunkPages) pages shrunk from the list"
  }

  private static func recycleOnThreads(_ context: CheckContext) throws -> String {
    let node = try context.node
    let baseline = try Baseline()
    let threads = context.arguments.threads
    let share = try Machine.memory("MemAvailable") / (4 * threads)
    let sizes = try context.fitting().filter { $0 <= share }
    let end = Machine.now() + context.arguments.seconds
    let verdict = Verdict()
    let seed = context.seed
    TestThread.run(threads) { thread in
      verdict.run {
        var random = SeededGenerator(seed: seed &+ UInt64(thread))
        while Machine.now() < end, !verdict.isFailed {
          let size = sizes[random.below(sizes.count)]
          try requireZero(node, size, "\(size) bytes on thread \(thread)", writeAll)
          verdict.count()
        }
      }
    }
    let buffers = try verdict.result()
    try baseline.requireReturn("after \(buffers) buffers on \(threads) threads")
    return "\(buffers) buffers on \(threads) threads"
  }
}
