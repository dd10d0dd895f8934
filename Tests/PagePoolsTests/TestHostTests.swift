// SPDX-License-Identifier: MIT

import PagePools
import TestSupport
import Testing

/// The test host notices what it is there to notice.
struct TestHostTests {
  @Test func release_twice_traps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let fixture = PoolFixture()
      let block = try fixture.blocks(1, for: try fixture.pool(1))[0]
      fixture.host.release(block)
      fixture.host.release(block)
    }
    expectMisuse(result)
  }

  @Test func release_ofHandleFromBefore_traps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let fixture = PoolFixture()
      let pool = try fixture.pool(1)
      let block = try fixture.blocks(1, for: pool)[0]
      fixture.host.release(block)
      _ = try fixture.blocks(1, for: pool)
      fixture.host.release(block)
    }
    expectMisuse(result)
  }

  @Test func link_ofReleasedBlock_traps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let fixture = PoolFixture()
      let block = try fixture.blocks(1, for: try fixture.pool(1))[0]
      fixture.host.release(block)
      fixture.host.setNext(nil, after: block)
    }
    expectMisuse(result)
  }

  @Test func zero_ofReleasedBlock_traps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let fixture = PoolFixture()
      let block = try fixture.blocks(1, for: try fixture.pool(1))[0]
      fixture.host.release(block)
      _ = fixture.host.zero(
        block, PoolProperties(blockSize: PageCount(1), kind: .test()))
    }
    expectMisuse(result)
  }

  @Test func release_underLock_traps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let fixture = PoolFixture()
      let block = try fixture.blocks(1, for: try fixture.pool(1))[0]
      TestLock(rank: 0).withLock { fixture.host.release(block) }
    }
    expectMisuse(result)
  }

  @Test func allocate_whereForbidden_traps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let fixture = PoolFixture()
      let pool = try fixture.pool(1)
      fixture.host.forbiddingAllocation {
        _ = try? fixture.set.allocate(for: pool, effort: .full)
      }
    }
    expectMisuse(result)
  }

  @Test func locks_outOfOrder_trap() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let outer = TestLock(rank: 1)
      let inner = TestLock(rank: 0)
      outer.withLock { inner.withLock {} }
    }
    expectMisuse(result)
  }

  @Test func locks_inOrder_areFine() {
    let outer = TestLock(rank: 0)
    let inner = TestLock(rank: 1)
    outer.withLock { inner.withLock { #expect(TestLock.isHeldByThisThread) } }
    #expect(!TestLock.isHeldByThisThread)
  }

  @Test func generator_sameSeed_sameNumbers() {
    var first = SeededGenerator(seed: 42)
    var second = SeededGenerator(seed: 42)
    #expect((0..<100).allSatisfy { _ in first.next() == second.next() })
    // The first numbers of SplitMix64 for seed 0.
    var zero = SeededGenerator(seed: 0)
    #expect(zero.next() == 0xE220_A839_7B1D_CDAF)
    #expect(zero.next() == 0x6E78_9E6A_A1B9_65F4)
  }

  private func expectMisuse(_ result: ExitTest.Result?) {
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("core misuses its host: "), "\(text)")
  }
}
