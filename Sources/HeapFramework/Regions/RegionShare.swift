// SPDX-License-Identifier: MIT

public import PagePools

/// How one heap gets its blocks from a region: what a host with regions keeps for each such heap's kind of memory.
///
/// The host says which block stands for which pages; what is taken, and that all of it goes back when there is not
/// enough, is said here.
public struct RegionShare<Host: PageSource>: Sendable {
  /// Where the pages are; other heaps may share it.
  public let region: Region<Host>

  /// How blocks are cut.
  public let cut: RegionCut

  /// A heap's share of a region.
  public init(of region: Region<Host>, cut: RegionCut) {
    self.region = region
    self.cut = cut
  }

  /// Gets `count` blocks, or none: in runs, or as many chunks at a time as are next to each other.
  ///
  /// - Parameters:
  ///   - count: 1 or more.
  ///   - size: pages in each.
  ///   - chain: where they are appended.
  ///   - makeBlock: the block that stands for so many pages; nil when these cannot be had now, because whoever
  ///     lends the region's memory to others does not get it back. Others are looked for then.
  ///   - forget: unmakes a block that is not handed out after all, and says which pages it stood for.
  /// - Throws: a shortage (ENOMEM) that says how many pages are free, and how many of them in a row.
  /// - Complexity: O(blocks × log pages), but for pages that cannot be had; a request for more than is free fails in O(1).
  /// - Context: takes the region's lock, for a run at a time; does not block.
  @inlinable
  public func allocate(
    _ count: Int, of size: PageCount, into chain: inout BlockChain<Host>, on host: Host,
    makeBlock: (Range<Int>) -> Host.Block?, forget: (Host.Block) -> Range<Int>
  ) throws(Host.Failure) {
    var taken = BlockChain<Host>()
    let isDone: Bool
    switch cut {
    case .runs:
      var position = region.pages.lowerBound
      while taken.blockCount < count,
        let run = region.takeRun(size, in: position..<region.pages.upperBound)
      {
        if let block = makeBlock(run) {
          taken.append(block, in: host)
        } else {
          region.give(run)
          position = run.lowerBound + max(size.rawValue / Self.triesInRun, 1)
        }
      }
      isDone = taken.blockCount == count
    case .chunks(let order):
      isDone = region.takeChunks(count, of: order) { chunks in
        obtain(chunks, order.pages.rawValue, into: &taken, on: host, makeBlock)
      }
    }
    guard isDone else {
      while let block = taken.pop(in: host) { region.give(forget(block)) }
      let space = region.space
      let asked = PageCount(size.rawValue.multipliedReportingOverflow(by: count).partialValue)
      throw Host.Failure(
        Shortage(of: asked, .fragmented(free: space.free, largestRun: space.largestRun)))
    }
    chain.append(taken, in: host)
  }

  /// How often a run is looked for that overlaps one that could not be had.
  @usableFromInline static var triesInRun: Int { 8 }

  /// Gets the chunks that can be had of some in a row: together, or else those in each half.
  ///
  /// - Returns: their pages.
  @inlinable
  func obtain(
    _ chunks: Range<Int>, _ chunk: Int, into taken: inout BlockChain<Host>, on host: Host,
    _ makeBlock: (Range<Int>) -> Host.Block?
  ) -> Int {
    if let block = makeBlock(chunks) {
      taken.append(block, in: host)
      return chunks.count
    }
    guard chunks.count > chunk else {
      region.give(chunks)
      return 0
    }
    let middle = chunks.lowerBound + (chunks.count / chunk + 1) / 2 * chunk
    return obtain(chunks.lowerBound..<middle, chunk, into: &taken, on: host, makeBlock)
      + obtain(middle..<chunks.upperBound, chunk, into: &taken, on: host, makeBlock)
  }
}

/// How blocks are cut out of a region.
@frozen
public enum RegionCut: Equatable, Sendable, BitwiseCopyable {
  /// Each is one run of pages (C1).
  case runs
  /// Each is a chunk, or several in a row (C2).
  case chunks(Order)
}
