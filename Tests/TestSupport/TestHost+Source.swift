// SPDX-License-Identifier: MIT

import Glibc
import HeapFramework
public import PagePools
import Synchronization

extension TestHost {
  /// Pages of 4 KiB, unless the host was made with others.
  public var pageSize: PageSize { ownPageSize }

  /// Gives out free blocks, zeroed, all or none.
  public func allocate(
    _ count: Int, for pool: PoolID, _ properties: PoolProperties, effort: AllocationEffort,
    into chain: inout BlockChain<TestHost>
  ) throws(TestFailure) {
    checkContext("allocate")
    if isAllocationForbidden.load(ordering: .relaxed) {
      misuse("allocate is called where nothing may be allocated")
    }
    if let share = share(in: properties.kind) {
      return try allocate(count, of: share, for: pool, properties, effort: effort, into: &chain)
    }
    var batch: [TestBlock] = []
    do throws(TestFailure) {
      for _ in 0..<count { batch.append(try makeBlock(pool, properties, effort)) }
    } catch {
      for block in batch { free(block) }
      throw error
    }
    for block in batch { chain.append(block, in: self) }
  }

  /// Makes a block; of a region's pages if these are given.
  func makeBlock(
    _ pool: PoolID, _ properties: PoolProperties, _ effort: AllocationEffort,
    of run: Range<Int>? = nil
  ) throws(TestFailure) -> TestBlock {
    let pages = properties.blockSize.rawValue
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
      blocks[index] = BlockRecord(
        generation: generation, isAllocated: true, pool: pool, size: properties.blockSize,
        kind: properties.kind, run: run)
      return TestBlock(index: index, generation: generation)
    }
  }

  /// Takes blocks back.
  public func release(_ blocks: consuming BlockChain<TestHost>, _ properties: PoolProperties) {
    checkContext("release")
    while let block = blocks.pop(in: self) {
      let isPooled = properties.kind.keeping.contains(.pooled)
      if isPooled ? size(of: block) != properties.blockSize : kind(of: block) != properties.kind {
        misuse("a batch has blocks of two pools")
      }
      free(block)
    }
  }

  /// Takes one block back.
  public func release(_ block: TestBlock) {
    checkContext("release")
    free(block)
  }

  private func free(_ block: TestBlock) {
    let pages = size(of: block).rawValue
    if let hook = state.withLock({ $0.releaseHook }) { hook(block) }
    let record = blocks[block.index]
    if let run = record.run, let share = share(in: record.kind) {
      if !record.isZero, record.kind.keeping.contains(.keptZeroed) {
        misuse("what is kept zeroed comes back written")
      }
      share.region.give(run)
    }
    state.withLock { state in
      check(block, "released twice")
      blocks[block.index] = BlockRecord(generation: block.generation + 1)
      state.freeBlocks.append(block.index)
      state.counts.released += 1
      state.counts.livePages -= pages
      state.log?.append(.released(pages))
      state.counts.work(pages)
    }
  }

  /// Marks a block as zero; false for one that was spoilt.
  public func zero(_ block: TestBlock, _ properties: PoolProperties) -> Bool {
    checkContext("zero")
    check(block, "zeroed after its release")
    if blocks[block.index].isSpoilt { return false }
    blocks[block.index].isZero = true
    let pages = size(of: block).rawValue
    state.withLock { state in
      state.counts.zeroed += 1
      state.log?.append(.zeroed(pages))
      state.counts.work(pages)
    }
    return true
  }

  /// The pool that `block` was allocated for.
  public func pool(of block: TestBlock) -> PoolID {
    check(block, "asked for its pool")
    guard let pool = blocks[block.index].pool else { misuse("block without a pool") }
    return pool
  }

  /// Pages in `block`.
  public func size(of block: TestBlock) -> PageCount {
    check(block, "asked for its size")
    return blocks[block.index].size
  }

  /// The second link slot of `block`.
  public func previous(before block: TestBlock) -> TestBlock? {
    check(block, "its link slot is read")
    return blocks[block.index].previous
  }

  /// Stores into the second link slot of `block`.
  public func setPrevious(_ previous: TestBlock?, before block: TestBlock) {
    check(block, "its link slot is written")
    if let previous { check(previous, "linked to") }
    blocks[block.index].previous = previous
  }

  /// Kinds of one source, or one region, relieve each other; a shortage of descriptors is relieved by kind 0 alone.
  public func canRelieve(
    _ failure: TestFailure, _ wanted: MemoryKind, with kind: MemoryKind
  ) -> Bool {
    if let region = share(in: wanted)?.region, region === share(in: kind)?.region { return true }
    return failure == .outOfDescriptors ? kind.source.rawValue == 0 : kind.source == wanted.source
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

  /// Nodes that the host was made with.
  public var nodeCount: Int { ownNodeCount }

  /// The node that ``onNode(_:_:)`` chose for this thread, 0 at first.
  public var currentNode: Int { Self.node.value }

  /// Notes that others could run.
  public func letOthersRun() {
    checkContext("letOthersRun")
    state.withLock { state in
      state.counts.pauses += 1
      state.counts.pagesSincePause = 0
    }
  }

  /// Waits for another thread.
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
