// SPDX-License-Identifier: MIT

import PagePools
import TestSupport
import Testing

/// Objects that wait to be freed (D1–D5), here blocks.
struct DeferredFreeListTests {
  private typealias List = DeferredFreeList<DeferredBlocks<TestHost>>

  let fixture = PoolFixture()

  /// Makes a block of `pages` pages, accounted for as waiting.
  private func block(_ pages: Int) throws -> TestBlock {
    let known = fixture.roundRobin.first { fixture.set.size(of: $0) == PageCount(pages) }
    let pool = try known ?? fixture.pool(pages)
    let block = try fixture.blocks(1, for: pool)[0]
    fixture.set.move(PageCount(pages), from: .buffer, to: .deferredFree)
    return block
  }

  private func chain(_ blocks: [TestBlock]) -> BlockChain<TestHost> {
    var chain = BlockChain<TestHost>()
    for block in blocks { chain.append(block, in: fixture.host) }
    return chain
  }

  private func list(limit: Int) -> List {
    DeferredFreeList(items: DeferredBlocks(source: fixture.host), limit: PageCount(limit))
  }

  private func free(_ block: TestBlock) {
    fixture.set.release(block, from: .deferredFree)
  }

  /// Takes and frees all that waits, oldest first.
  private func freeAll(_ list: List) -> [TestBlock] {
    var freed: [TestBlock] = []
    while let block = list.takeOldest() {
      freed.append(block)
      free(block)
    }
    return freed
  }

  @Test func takeOldest_ofEmptyList_returnsNil() {
    let list = list(limit: 10)
    #expect(list.takeOldest() == nil)
    #expect(list.takeOldest(atMost: PageCount(1)) { _ in true } == nil)
    #expect(list.waitingPages == .zero)
    fixture.close()
  }

  @Test func takeOldest_takesInTheOrderOfArrival() throws {
    let list = list(limit: 100)
    let blocks = try [3, 1, 2].map { try block($0) }
    for block in blocks { #expect(list.append(block) == .queued) }
    #expect(list.waitingPages == PageCount(6))
    for (block, left) in zip(blocks, [3, 2, 0]) {
      #expect(list.takeOldest() == block)
      // What is just being freed does not wait any more.
      #expect(list.waitingPages == PageCount(left))
      #expect(fixture.host.next(after: block) == nil, "it is linked to what still waits")
      free(block)
    }
    fixture.close()
  }

  @Test func append_overTheLimit_isRefusedAndLeavesNoTrace() throws {
    let list = list(limit: 4)
    let blocks = try [3, 2, 1].map { try block($0) }
    #expect(list.append(blocks[0]) == .queued)
    #expect(list.append(blocks[1]) == .refused)
    #expect(list.waitingPages == PageCount(3))
    #expect(list.append(blocks[2]) == .queued)
    #expect(list.waitingPages == PageCount(4))
    free(blocks[1])
    #expect(freeAll(list) == [blocks[0], blocks[2]])
    fixture.close()
  }

  @Test func append_withLimitZero_isAlwaysRefused() throws {
    let list = list(limit: 0)
    let block = try block(1)
    #expect(list.append(block) == .refused)
    #expect(list.workerMaySleep())
    #expect(list.append(block) == .refused)
    free(block)
    fixture.close()
  }

  /// D5's exception: the worker takes no longer over one large object than over several small ones.
  @Test func append_ofMoreThanTheLimit_isTakenWhenNothingWaits() throws {
    let list = list(limit: 4)
    let large = try [3, 2].map { try block($0) }
    let others = try [1, 4, 5].map { try block($0) }
    #expect(list.append(chain(large)) == .queued)
    #expect(list.waitingPages == PageCount(5))
    #expect(list.append(others[0]) == .refused)
    #expect(list.takeOldest() == large[0])
    // Two pages wait: the list is not empty, so the limit holds.
    #expect(list.append(others[2]) == .refused)
    #expect(list.append(others[1]) == .refused)
    #expect(list.append(others[0]) == .queued)
    #expect(freeAll(list) == [large[1], others[0]])
    #expect(list.append(others[2]) == .queued)
    #expect(freeAll(list) == [others[2]])
    for block in [large[0], others[1]] { free(block) }
    fixture.close()
  }

  /// All of an object's blocks wait, in their order, or none.
  @Test func append_ofChain_isAllOrNothing() throws {
    let list = list(limit: 6)
    let first = try block(1)
    let chains = try [[1, 2], [1, 1, 1], [2]].map { try $0.map { try block($0) } }
    #expect(list.append(first) == .queued)
    #expect(list.append(chain(chains[0])) == .queued)
    #expect(list.append(chain(chains[1])) == .refused)
    #expect(list.waitingPages == PageCount(4))
    let refused = chain(chains[1])
    #expect(fixture.host.blocks(in: refused) == chains[1], "a refused chain stays as it was")
    #expect(list.append(chain(chains[2])) == .queued)
    #expect(list.append(BlockChain()) == .queued)
    #expect(freeAll(list) == [first] + chains[0] + chains[2])
    for block in chains[1] { free(block) }
    fixture.close()
  }

  @Test func append_forced_isTakenWhateverWaits() throws {
    let list = list(limit: 2)
    let blocks = try [2, 7, 1].map { try block($0) }
    #expect(list.append(blocks[0]) == .queued)
    #expect(list.append(chain([blocks[1]]), isForced: true) == .queued)
    #expect(list.waitingPages == PageCount(9))
    #expect(list.append(blocks[2]) == .refused)
    #expect(freeAll(list) == [blocks[0], blocks[1]])
    free(blocks[2])
    fixture.close()
  }

  /// What is not wanted keeps its place, at the front, in the middle and at the end.
  @Test func takeOldest_ofWanted_passesOverTheRest() throws {
    for kept in 0..<8 {
      let list = list(limit: 100)
      let blocks = try (1...3).map { try block($0) }
      for block in blocks { _ = list.append(block) }
      let isWanted = { (block: TestBlock) in kept & 1 << (blocks.firstIndex(of: block) ?? 9) == 0 }
      for block in blocks where isWanted(block) {
        #expect(list.takeOldest(where: isWanted) == block)
        free(block)
      }
      #expect(list.takeOldest(where: isWanted) == nil)
      let rest = blocks.filter { !isWanted($0) }
      #expect(
        list.waitingPages.rawValue == rest.reduce(0) { $0 + fixture.host.size(of: $1).rawValue })
      // The end is where it should be: what comes now comes after the rest.
      let last = try block(1)
      #expect(list.append(last) == .queued)
      #expect(freeAll(list) == rest + [last])
    }
    fixture.close()
  }

  /// The oldest, or nothing: a smaller one behind it does not go first.
  @Test func takeOldest_atMost_leavesWhatIsLarger() throws {
    let list = list(limit: 100)
    let blocks = try [4, 1].map { try block($0) }
    for block in blocks { _ = list.append(block) }
    #expect(list.takeOldest(atMost: PageCount(3)) == nil)
    #expect(list.waitingPages == PageCount(5))
    #expect(list.takeOldest(atMost: PageCount(3)) { $0 == blocks[1] } == blocks[1])
    #expect(list.takeOldest(atMost: PageCount(4)) == blocks[0])
    for block in blocks { free(block) }
    fixture.close()
  }

  /// The list asks for one wake-up per sleep, and lets nobody sleep while something waits.
  @Test func worker_isWokenOnlyWhenAsleep() throws {
    let list = list(limit: 100)
    let blocks = try (0..<4).map { _ in try block(1) }
    #expect(list.append(blocks[0]) == .queued)
    #expect(!list.workerMaySleep())
    #expect(list.append(blocks[1]) == .queued)
    #expect(freeAll(list).count == 2)
    #expect(list.workerMaySleep())
    #expect(list.append(blocks[2]) == .queuedForSleepingWorker)
    #expect(list.append(blocks[3]) == .queued)
    #expect(!list.workerMaySleep())
    _ = freeAll(list)
    #expect(list.workerMaySleep())
    #expect(list.workerMaySleep())
    fixture.close()
  }

  /// Threads append, a worker sleeps and is woken, another thread takes under pressure: all is freed once,
  /// and no wake-up is lost.
  @Test(.timeLimit(.minutes(10)))
  func worker_underTraffic_freesEverything() throws {
    let list = list(limit: 64)
    let pool = try fixture.pool(1)
    let perThread = TestScale.isSanitized ? 500 : 5000
    let bell = Bell()
    let worker = TestThread {
      while true {
        while let block = list.takeOldest() { free(block) }
        if bell.isStopping { break }
        if list.workerMaySleep() { bell.wait() }
      }
    }
    TestThread.run(3) { thread in
      for turn in 0..<perThread {
        guard let block = try? fixture.set.allocate(for: pool, effort: .full) else { continue }
        fixture.set.move(PageCount(1), from: .buffer, to: .deferredFree)
        switch list.append(block) {
        case .queued: break
        case .queuedForSleepingWorker: bell.ring()
        case .refused: free(block)
        }
        if thread == 0, turn % 16 == 0 {
          for _ in 0..<2 { if let block = list.takeOldest() { free(block) } }
        }
      }
    }
    // Without a lost wake-up the worker comes to the end of the list by itself.
    while list.waitingPages > .zero { yieldToOthers() }
    bell.stop()
    worker.join()
    #expect(list.waitingPages == .zero)
    fixture.close()
  }
}
