// SPDX-License-Identifier: MIT

import PagePools
import Synchronization

// What tests tell the host to do, and what they ask it.

extension TestHost {
  /// Lets `rule`, if any, decide which allocations fail from now on, and counts attempts anew.
  public func failWhere(_ rule: TestRule?) {
    state.withLock { state in
      state.counts.attempts = 0
      state.rule = rule
    }
  }

  /// Lets the `number`th allocation from now fail, counted from 1.
  public func failAllocation(_ number: Int, with failure: TestFailure = .outOfMemory) {
    failWhere { $0.number == number ? failure : nil }
  }

  /// Lets every allocation fail that would bring the live pages above `limit`.
  public func failAbove(livePages limit: Int, with failure: TestFailure = .outOfMemory) {
    failWhere { $0.livePages + $0.pages > limit ? failure : nil }
  }

  /// Lets the caller be killed after it asked `checks` times; nil: not at all.
  public func killCaller(after checks: Int?) {
    state.withLock { $0.killCountdown = checks }
  }

  /// Calls `hook` for each block that comes back, before it is free; nil: nothing.
  public func onRelease(_ hook: (@Sendable (TestBlock) -> Void)?) {
    state.withLock { $0.releaseHook = hook }
  }

  /// Calls `hook` when the core asks for what came back unnoticed, which answers whether anything did; nil: nothing.
  public func onCollect(_ hook: (@Sendable () -> Bool)?) {
    state.withLock { $0.returnHook = hook }
  }

  /// Runs `body`, in which an allocation by anyone traps (D2).
  public func forbiddingAllocation<R>(_ body: () -> R) -> R {
    isAllocationForbidden.store(true, ordering: .relaxed)
    defer { isAllocationForbidden.store(false, ordering: .relaxed) }
    return body()
  }

  /// Runs `body` as a thread of the shard.
  public func onShard<R, E: Error>(_ shard: Int, _ body: () throws(E) -> R) throws(E) -> R {
    let before = Self.shard.value
    Self.shard.value = shard
    defer { Self.shard.value = before }
    return try body()
  }

  /// What was asked of the host so far.
  public var counts: TestCounts { state.withLock { $0.counts } }

  /// Times the core waited for another thread.
  public var relaxCount: Int { relaxations.load(ordering: .relaxed) }

  /// Runs `body` and returns what the host was asked to do meanwhile, by any thread.
  public func logging<E: Error>(_ body: () throws(E) -> Void) throws(E) -> [TestEvent] {
    state.withLock { $0.log = [] }
    defer { state.withLock { $0.log = nil } }
    try body()
    return state.withLock { $0.log ?? [] }
  }

  /// Makes a block's contents something else than zeroes.
  public func write(_ block: TestBlock) {
    blocks[block.index].isZero = false
  }

  /// Makes every block of a buffer dirty.
  public func write(_ buffer: TestBuffer) {
    for block in blocks(of: buffer) { write(block) }
  }

  /// Whether a block's contents are zeroes.
  public func isZero(_ block: TestBlock) -> Bool {
    blocks[block.index].isZero
  }
}
