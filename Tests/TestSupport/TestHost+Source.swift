// SPDX-License-Identifier: MIT

import Glibc
public import PagePools
import Synchronization

extension TestHost {
  /// Gives out a free block, zeroed.
  public func allocate(
    for pool: PagePool<TestHost>, effort: AllocationEffort
  ) throws(TestFailure) -> TestBlock {
    checkContext("allocate")
    if isAllocationForbidden.load(ordering: .relaxed) {
      misuse("allocate is called where nothing may be allocated")
    }
    let pages = pool.blockSize.rawValue
    return try state.withLock { (state) throws(TestFailure) -> TestBlock in
      state.counts.attempts += 1
      let attempt = TestAttempt(
        number: state.counts.attempts, pages: pages, livePages: state.counts.livePages,
        effort: effort)
      if let failure = state.rule?(attempt) {
        state.log?.append(.refused(pages, effort))
        throw failure
      }
      guard let index = state.freeBlocks.popLast() else { throw .outOfMemory }
      state.counts.allocated += 1
      state.counts.livePages += pages
      state.log?.append(.allocated(pages, effort))
      let generation = blocks[index].generation
      blocks[index] = BlockRecord(generation: generation, isAllocated: true, pool: pool)
      return TestBlock(index: index, generation: generation)
    }
  }

  /// Takes a block back.
  public func release(_ block: TestBlock) {
    checkContext("release")
    let pages = self.pool(of: block).blockSize.rawValue
    if let hook = state.withLock({ $0.releaseHook }) { hook(block) }
    state.withLock { state in
      check(block, "released twice")
      blocks[block.index] = BlockRecord(generation: block.generation + 1)
      state.freeBlocks.append(block.index)
      state.counts.released += 1
      state.counts.livePages -= pages
      state.log?.append(.released(pages))
    }
  }

  /// Marks a block as zero.
  public func zero(_ block: TestBlock) -> Bool {
    checkContext("zero")
    check(block, "zeroed after its release")
    blocks[block.index].isZero = true
    let pages = self.pool(of: block).blockSize.rawValue
    state.withLock { state in
      state.counts.zeroed += 1
      state.log?.append(.zeroed(pages))
    }
    return true
  }

  /// The pool that `block` was allocated for.
  public func pool(of block: TestBlock) -> PagePool<TestHost> {
    check(block, "asked for its pool")
    guard let pool = blocks[block.index].pool else { misuse("block without a pool") }
    return pool
  }

  /// The link slot of `block`.
  public func next(after block: TestBlock) -> TestBlock? {
    check(block, "its link slot is read")
    return blocks[block.index].next
  }

  /// Stores into the link slot of `block`.
  public func setNext(_ next: TestBlock?, after block: TestBlock) {
    check(block, "its link slot is written")
    if let next { check(next, "linked to") }
    blocks[block.index].next = next
  }

  /// The shard that ``onShard(_:_:)`` chose for this thread, 0 at first.
  public var currentShard: Int { Self.shard.value }

  /// Lets other threads run.
  public func relax() {
    checkContext("relax")
    relaxations.add(1, ordering: .relaxed)
    sched_yield()
  }

  /// Traps unless the block is one that the core may use now.
  private func check(_ block: TestBlock, _ what: String) {
    let record = blocks[block.index]
    if !record.isAllocated || record.generation != block.generation {
      misuse("block \(block.index) is not allocated (any more): \(what)")
    }
  }

  func checkContext(_ function: String) {
    if TestLock.isHeldByThisThread { misuse("\(function) is called with a lock held") }
  }
}
