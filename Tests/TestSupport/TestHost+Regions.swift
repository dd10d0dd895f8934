// SPDX-License-Identifier: MIT

public import HeapFramework
import PagePools
import Synchronization

extension TestHost {
  /// Lets memory of the source with a number come from a region from now on.
  public func setShare(_ share: RegionShare<TestHost>, of number: Int) {
    state.withLock { $0.regions[UInt16(number)] = share }
  }

  /// Pages of regions that whoever has them does not let go of.
  public func setPinned(_ pages: Set<Int>) {
    state.withLock { $0.pinned = pages }
  }

  func share(in kind: MemoryKind) -> RegionShare<TestHost>? {
    state.withLock { $0.regions[kind.source.rawValue] }
  }

  func kind(of block: TestBlock) -> MemoryKind { blocks[block.index].kind }

  /// The region's pages that a block stands for.
  public func run(of block: TestBlock) -> Range<Int> {
    guard let run = blocks[block.index].run else { misuse("a block of no region") }
    return run
  }

  func allocate(
    _ count: Int, of share: RegionShare<TestHost>, for pool: PoolID, _ properties: PoolProperties,
    effort: AllocationEffort, into chain: inout BlockChain<TestHost>
  ) throws(TestFailure) {
    try share.allocate(
      count, of: properties.blockSize, into: &chain, on: self,
      makeBlock: { run in
        guard state.withLock({ $0.pinned.isDisjoint(with: run) }) else { return nil }
        let own = PoolProperties(blockSize: PageCount(run.count), kind: properties.kind)
        guard let block = try? makeBlock(pool, own, effort, of: run) else {
          misuse("a test has too few blocks for its region")
        }
        return block
      }, forget: { discard($0) })
  }

  /// Forgets a block that was not handed out after all.
  private func discard(_ block: TestBlock) -> Range<Int> {
    let run = run(of: block)
    blocks[block.index].run = nil
    release(block)
    return run
  }
}
