// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// Others can run at least every 1 MiB and one block, whatever the blocks are and whatever is done (U3).
///
/// The host counts what was zeroed and released since it was last asked to let others run.
struct StrideTests {
  /// Buffers of blocks of all sizes in turn, so that no two neighbours are of one pool.
  private final class MixHeap: BufferHeap<TestHost>, @unchecked Sendable {
    private let sizes: [Int]

    init?(_ fixture: HeapFixture, _ sizes: [Int]) {
      self.sizes = sizes
      super.init(
        memory: fixture.memory, sizes: sizes.map { PageCount($0) }, kind: .test(),
        largest: PageCount(1 << 20))
    }

    override func takeBlocks(
      _ pages: PageCount, into blocks: inout BlockChain<TestHost>, poolMisses: inout Int
    ) throws(TestFailure) {
      var next = 0
      while blocks.pages < pages {
        let fits = PageCount(sizes[next]) <= pages - blocks.pages
        let size = fits ? next : sizes.count - 1
        next = next + 1 < sizes.count ? next + 1 : 0
        try memory.pools.allocate(1, for: pools[size, 0], effort: .none, into: &blocks)
        poolMisses += 1
      }
    }
  }

  /// Pages of a size, and blocks.
  struct Case: CustomTestStringConvertible, Sendable {
    let shift: Int
    /// Pages in 1 MiB.
    let stride: Int
    /// Of blocks, in pages; the last is 1.
    let sizes: [Int]

    var testDescription: String { "pages of \((1 << shift) / 1024) KiB, blocks of \(sizes) pages" }

    /// The most pages without a pause: the block that fills the stride may be the largest.
    var most: Int { stride - 1 + (sizes.max() ?? 0) }
  }

  private static let cases: [Case] = [(12, 256), (14, 64), (16, 16)].flatMap { shift, stride in
    [
      [1], [stride, 1], [stride - 1, stride, 1], [stride / 4, 3, 2, 1], [stride, stride / 16, 1],
    ]
    .map { Case(shift: shift, stride: stride, sizes: $0) }
  }

  private struct Setting {
    let fixture: HeapFixture
    let heap: MixHeap
    let pages: Int
  }

  /// A heap, and buffers of ten strides.
  private func setting(
    _ each: Case, limit: Int = 1_000_000, inlineFreeLimit: Int = 0, deferredLimit: Int = 1_000_000
  ) throws -> Setting {
    let fixture = HeapFixture(
      limit: limit, deferredLimit: deferredLimit, inlineFreeLimit: inlineFreeLimit,
      capacity: 8192, pageSize: PageSize(shift: each.shift))
    let heap = try #require(MixHeap(fixture, each.sizes))
    return Setting(fixture: fixture, heap: heap, pages: 10 * each.stride + 3)
  }

  private func expectPauses(
    _ setting: Setting, _ each: Case, work: Int? = nil, _ what: Comment, _ body: () -> Void
  ) {
    let host = setting.fixture.host
    host.restartStride()
    let before = host.counts.pauses
    body()
    let counts = host.counts
    #expect(counts.mostPagesWithoutPause <= each.most, what)
    #expect(counts.mostPagesWithoutPause > 0, what)
    // Each pause comes after as much as there may be, or sooner.
    #expect(counts.pauses - before >= (work ?? setting.pages) / (each.most + 1), what)
    #expect(counts.pauses - before <= 40, "\(what): more often than is of use")
  }

  @Test(arguments: cases)
  func free_byItsUser(_ each: Case) throws {
    let own = try setting(each, inlineFreeLimit: 1_000_000)
    let buffer = try own.fixture.buffer(own.pages, of: own.heap)
    expectPauses(own, each, "zeroing") { own.heap.free(buffer, mayBeWritten: true) }
    #expect(own.fixture.check().pooled == PageCount(own.pages))
    let spoilt = try own.fixture.buffer(own.pages, of: own.heap)
    for block in own.fixture.host.blocks(in: spoilt.blocks) { own.fixture.host.spoil(block) }
    expectPauses(own, each, "spoilt") { own.heap.free(spoilt, mayBeWritten: true) }
    own.fixture.close(own.heap)
  }

  /// Every give shrinks the pools.
  @Test(arguments: cases)
  func free_atTheLimit(_ each: Case) throws {
    let own = try setting(each, limit: 2 * each.stride, inlineFreeLimit: 1_000_000)
    for isWritten in [true, false] {
      let buffer = try own.fixture.buffer(own.pages, of: own.heap)
      expectPauses(own, each, "at the limit, written: \(isWritten)") {
        own.heap.free(buffer, mayBeWritten: isWritten)
      }
    }
    own.fixture.pools.setLimit(.zero)
    let buffer = try own.fixture.buffer(own.pages, of: own.heap)
    expectPauses(own, each, "with pooling off") { own.heap.free(buffer, mayBeWritten: true) }
    own.fixture.close(own.heap)
  }

  /// Pooling moves no memory, but many blocks take their time.
  @Test(arguments: [(12, 256), (14, 64), (16, 16)])
  func give_ofLongChain_pauses(_ shift: Int, _ stride: Int) throws {
    let own = try setting(Case(shift: shift, stride: stride, sizes: [1]))
    let buffer = try own.fixture.buffer(own.pages, of: own.heap)
    let before = own.fixture.host.counts.pauses
    own.heap.free(buffer, mayBeWritten: false)
    let pauses = own.fixture.host.counts.pauses - before
    // A critical section's 32 blocks of 64 KiB are 2 MiB.
    #expect(pauses >= (stride >= 32 ? 9 : 5) && pauses <= 11)
    own.fixture.close(own.heap)
  }

  /// Each turn of the worker is 1 MiB or one block; what calls it is the host's loop.
  @Test(arguments: cases)
  func worker_doesAStrideATurn(_ each: Case) throws {
    let own = try setting(each)
    let buffer = try own.fixture.buffer(own.pages, of: own.heap)
    own.heap.free(buffer, mayBeWritten: true)
    #expect(own.fixture.check().deferred == PageCount(own.pages))
    var turns = 0
    var before = PageCount(own.pages)
    own.fixture.host.restartStride()
    while own.fixture.memory.freeOldestDeferred() {
      turns += 1
      let left = own.fixture.memory.deferred.waitingPages
      let pages = (before - left).rawValue
      #expect(pages > 0 && pages <= max(each.stride, each.sizes[0]))
      before = left
      #expect(own.fixture.host.counts.mostPagesWithoutPause <= each.most)
      own.fixture.host.restartStride()
    }
    #expect(turns >= 10 && turns <= 24)
    own.fixture.close(own.heap)
  }

  @Test(arguments: cases)
  func reclaim_ofWhatWaits(_ each: Case) throws {
    let own = try setting(each)
    let buffer = try own.fixture.buffer(own.pages, of: own.heap)
    own.heap.free(buffer, mayBeWritten: true)
    expectPauses(own, each, "freeDeferred") {
      #expect(own.fixture.memory.freeDeferred(PageCount(Int.max)) == PageCount(own.pages))
    }
    own.fixture.close(own.heap)
  }

  /// Whatever empties pools: the shrinker, a request, a lower limit, the end of a pool.
  @Test(arguments: cases)
  func shrinking(_ each: Case) throws {
    let own = try setting(each)
    let fixture = own.fixture
    let ways: [(Comment, () -> Void)] = [
      ("scan", { _ = fixture.memory.shrinkPools(PageCount(Int.max)) }),
      ("reclaim", { fixture.memory.reclaimAll() }),
      ("setLimit", { fixture.pools.setLimit(.zero) }),
    ]
    for (name, way) in ways {
      own.heap.free(try fixture.buffer(own.pages, of: own.heap), mayBeWritten: false)
      #expect(fixture.check().pooled == PageCount(own.pages), name)
      expectPauses(own, each, name, way)
      #expect(fixture.check().pooled == .zero, name)
    }
    fixture.pools.setLimit(PageCount(1_000_000))
    own.heap.free(try fixture.buffer(own.pages, of: own.heap), mayBeWritten: false)
    let pools = (0..<each.sizes.count).map { own.heap.pools[$0, 0] }
    let largest = pools.map {
      fixture.pools.blockCount(of: $0) * fixture.pools.size(of: $0).rawValue
    }
    // Each pool is a loop of its own.
    expectPauses(own, each, work: (largest.max() ?? 0) / 2, "destroy") {
      for pool in pools {
        fixture.pools.destroy(pool)
        fixture.host.letOthersRun()
      }
    }
    #expect(fixture.host.counts.liveBlocks == 0)
  }

  /// A request that fails gives back all that it had.
  @Test(arguments: cases)
  func release_afterFailure(_ each: Case) throws {
    let own = try setting(each)
    own.fixture.host.failAbove(livePages: own.pages)
    expectPauses(own, each, "release") {
      #expect(throws: TestFailure.outOfMemory) {
        try own.heap.allocate(PageCount(own.pages + each.stride))
      }
    }
    #expect(own.fixture.check() == PageAccounts())
    own.fixture.close(own.heap)
  }

  /// Who helps for a large block zeroes small ones.
  @Test(arguments: [(12, 256), (14, 64), (16, 16)])
  func helping(_ shift: Int, _ stride: Int) throws {
    let each = Case(shift: shift, stride: stride, sizes: [1])
    let own = try setting(each)
    let contiguous = try own.fixture.singleBlockHeap(largest: 4 * stride)
    own.heap.free(try own.fixture.buffer(17 * stride, of: own.heap), mayBeWritten: true)
    var buffer: TestBuffer?
    expectPauses(own, each, work: 2 * stride, "helping") {
      buffer = try? contiguous.allocate(PageCount(2 * stride))
    }
    #expect(own.fixture.check().deferred == PageCount(15 * stride))
    contiguous.free(try #require(buffer), mayBeWritten: false)
    own.fixture.freeAllDeferred()
    own.fixture.close(own.heap, contiguous)
  }
}
