// SPDX-License-Identifier: MIT

import PagePools
import TestSupport
import Testing

/// Giving, taking, and where the pages then are (P1, P3, P7).
struct PoolTransferTests {
  let fixture = PoolFixture()

  @Test func take_fromEmptyPool_returnsNil() throws {
    let pool = try fixture.pool(4)
    #expect(fixture.set.take(from: pool) == nil)
    #expect(fixture.set.checkInvariants() == PageAccounts())
    fixture.close()
  }

  @Test func take_returnsTheBlockGivenLast() throws {
    let pool = try fixture.pool(1)
    let blocks = try fixture.stock(3, pool)
    #expect(fixture.set.take(from: pool) == blocks[2])
    #expect(fixture.set.take(from: pool) == blocks[1])
    fixture.set.give(blocks[2], from: .buffer)
    #expect(fixture.set.take(from: pool) == blocks[2])
    #expect(fixture.set.take(from: pool) == blocks[0])
    #expect(fixture.set.take(from: pool) == nil)
    for block in blocks { fixture.set.release(block, from: .buffer) }
    fixture.close()
  }

  @Test func take_fromOnePool_leavesTheOthersAlone() throws {
    let pools = [try fixture.pool(1), try fixture.pool(1), try fixture.pool(2)]
    let block = try fixture.stock(1, pools[1])[0]
    #expect(fixture.set.take(from: pools[0]) == nil)
    #expect(fixture.set.take(from: pools[2]) == nil)
    #expect(fixture.set.blockCount(of: pools[1]) == 1)
    #expect(fixture.set.take(from: pools[1]) == block)
    fixture.set.release(block, from: .buffer)
    fixture.close()
  }

  @Test func giveAndTake_neverZeroAndNeverAllocate() throws {
    let pool = try fixture.pool(1)
    let blocks = try fixture.blocks(2, for: pool)
    let events = fixture.host.logging {
      for block in blocks { fixture.set.give(block, from: .buffer) }
      for _ in blocks { _ = fixture.set.take(from: pool) }
    }
    #expect(events.isEmpty)
    for block in blocks {
      #expect(fixture.host.isZero(block))
      fixture.set.release(block, from: .buffer)
    }
    fixture.close()
  }

  /// Each way to change hands, one after the other, with all five columns after each.
  @Test func transfers_moveExactlyTheBlocksPages() throws {
    let pool = try fixture.pool(4)
    let set = fixture.set
    func expect(
      taken: Int, buffers: Int, deferred: Int, freeing: Int = 0, pooled: Int, line: Int = #line
    ) {
      let accounts = set.checkInvariants()
      #expect(accounts.taken == PageCount(taken), "line \(line)")
      #expect(accounts.inBuffers == PageCount(buffers), "line \(line)")
      #expect(accounts.deferred == PageCount(deferred), "line \(line)")
      #expect(accounts.freeing == PageCount(freeing), "line \(line)")
      #expect(accounts.pooled == PageCount(pooled), "line \(line)")
      #expect(set.totalPages == PageCount(pooled), "line \(line)")
      #expect(set.accounts() == accounts, "line \(line)")
    }
    expect(taken: 0, buffers: 0, deferred: 0, pooled: 0)
    let first = try set.allocate(for: pool, effort: .none)
    expect(taken: 4, buffers: 4, deferred: 0, pooled: 0)
    set.give(first, from: .buffer)
    expect(taken: 4, buffers: 0, deferred: 0, pooled: 4)
    #expect(set.take(from: pool) == first)
    expect(taken: 4, buffers: 4, deferred: 0, pooled: 0)
    set.move(PageCount(4), from: .buffer, to: .deferredFree)
    expect(taken: 4, buffers: 0, deferred: 4, pooled: 0)
    set.move(PageCount(4), from: .deferredFree, to: .freeing)
    expect(taken: 4, buffers: 0, deferred: 0, freeing: 4, pooled: 0)
    set.give(first, from: .freeing)
    expect(taken: 4, buffers: 0, deferred: 0, pooled: 4)
    let second = try set.allocate(for: pool, effort: .full)
    expect(taken: 8, buffers: 4, deferred: 0, pooled: 4)
    set.move(PageCount(4), from: .buffer, to: .deferredFree)
    set.release(second, from: .deferredFree)
    expect(taken: 4, buffers: 0, deferred: 0, pooled: 4)
    #expect(set.take(from: pool) == first)
    set.release(first, from: .buffer)
    expect(taken: 0, buffers: 0, deferred: 0, pooled: 0)
    fixture.close()
  }

  @Test func allocate_passesEffortAndSizeToTheSource() throws {
    let pool = try fixture.pool(16, kind: .test(3))
    #expect(
      fixture.set.properties(of: pool)
        == PoolProperties(blockSize: PageCount(16), kind: .test(3)))
    #expect(fixture.set.size(of: pool) == PageCount(16))
    var blocks: [TestBlock] = []
    let events = try fixture.host.logging {
      blocks.append(try fixture.set.allocate(for: pool, effort: .none))
      blocks.append(try fixture.set.allocate(for: pool, effort: .full))
    }
    #expect(events == [.allocated(16, .none), .allocated(16, .full)])
    for block in blocks {
      #expect(fixture.host.pool(of: block) == pool)
      fixture.set.release(block, from: .buffer)
    }
    fixture.close()
  }

  @Test func allocate_whenSourceFails_changesNothing() throws {
    let pool = try fixture.pool(2)
    fixture.host.failAllocation(1, with: .outOfDescriptors)
    #expect(throws: TestFailure.outOfDescriptors) {
      try fixture.set.allocate(for: pool, effort: .full)
    }
    #expect(fixture.set.checkInvariants() == PageAccounts())
    fixture.close()
  }

  @Test func addPool_whenFull_returnsNil() throws {
    let small = PoolFixture(poolCapacity: 2)
    let first = try small.pool(1)
    _ = try small.pool(1)
    let refused = small.set.addPool(blockSize: PageCount(1), kind: .test())
    #expect(refused == nil)
    small.set.destroy(first)
    let again = try small.pool(8)
    #expect(again.index == first.index)
    small.close()
  }
}
