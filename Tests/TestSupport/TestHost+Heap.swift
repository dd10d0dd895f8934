// SPDX-License-Identifier: MIT

public import PagePools
import Synchronization

extension TestHost {
  /// Takes the blocks out of a buffer; the buffer is gone then.
  public func dismantle(_ buffer: TestBuffer) -> BlockChain<TestHost> {
    checkContext("dismantle")
    return state.withLock { state in
      check(buffer)
      let chain = buffers[buffer.index].chain
      buffers[buffer.index] = BufferRecord(generation: buffer.generation + 1)
      state.freeBuffers.append(buffer.index)
      state.counts.liveBuffers -= 1
      return chain
    }
  }

  /// Every release of a test buffer is known at once, but for what ``onCollect(_:)`` says.
  public func collectReturned() -> Bool {
    checkContext("collectReturned")
    let hook = state.withLock { $0.returnHook }
    return hook?() ?? false
  }

  /// Counts the wake-up.
  public func wakeDeferredFreeWorker() {
    checkContext("wakeDeferredFreeWorker")
    state.withLock { $0.counts.wakes += 1 }
  }

  /// Whether the caller is being killed, as ``killCaller(after:)`` said.
  public var isCallerKilled: Bool {
    state.withLock { state in
      guard let countdown = state.killCountdown else { return false }
      state.killCountdown = countdown - 1
      return countdown <= 0
    }
  }

  /// Pages of a buffer's blocks.
  public func deferredSize(of item: TestBuffer) -> PageCount {
    check(item)
    return buffers[item.index].chain.pages
  }

  /// The buffer's link slot.
  public func nextDeferred(after item: TestBuffer) -> TestBuffer? {
    check(item)
    return buffers[item.index].next
  }

  /// Stores into the buffer's link slot.
  public func setNextDeferred(_ next: TestBuffer?, after item: TestBuffer) {
    check(item)
    if let next { check(next) }
    if !TestLock.isHeldByThisThread { misuse("a deferred link is written without a lock") }
    buffers[item.index].next = next
  }

  private func check(_ buffer: TestBuffer) {
    let record = buffers[buffer.index]
    if !record.isLive || record.generation != buffer.generation {
      misuse("buffer \(buffer.index) was dismantled already")
    }
  }

  /// Makes a buffer of blocks, as exporting it as a descriptor would.
  public func makeBuffer(_ chain: BlockChain<TestHost>) -> TestBuffer {
    state.withLock { state in
      guard let index = state.freeBuffers.popLast() else { fatalError("too many test buffers") }
      let generation = buffers[index].generation
      buffers[index] = BufferRecord(generation: generation, isLive: true, chain: chain)
      state.counts.liveBuffers += 1
      return TestBuffer(index: index, generation: generation)
    }
  }

  /// Makes a buffer of one block.
  public func makeBuffer(_ block: TestBlock) -> TestBuffer {
    makeBuffer(BlockChain(block, in: self))
  }

  /// A buffer's blocks, in order.
  public func blocks(of buffer: TestBuffer) -> [TestBlock] {
    blocks(in: buffers[buffer.index].chain)
  }

  /// A chain's blocks, in order.
  public func blocks(in chain: BlockChain<TestHost>) -> [TestBlock] {
    var found: [TestBlock] = []
    chain.forEach(in: self) { found.append($0) }
    return found
  }
}
