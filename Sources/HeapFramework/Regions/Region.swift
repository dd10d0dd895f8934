// SPDX-License-Identifier: MIT

public import PagePools

/// A fixed run of pages and who has them: what region and chunk heaps get memory from (C1, C2).
///
/// Several heaps may share a region; what is free of it, and how long its runs are, is told of the region.
/// Memory that is given back can be taken at once.
public final class Region<Host: Machine>: Sendable {
  /// The numbers of its pages: what is aligned as a number is aligned in memory.
  public let pages: Range<Int>

  private let state: Locked<RegionState, Host.Lock>

  /// A region of free pages.
  ///
  /// - Parameter pages: 1 to 2^31 - 1 of them.
  /// - Context: allocates 24 bytes for 64 pages; may block.
  public init(_ pages: Range<Int>) {
    self.pages = pages
    state = Locked(RegionState(map: PageMap(pages), nextTurn: pages.lowerBound))
  }

  /// How many pages are free, and how many of them are in the longest run.
  ///
  /// - Complexity: O(1).
  /// - Context: takes the region's lock; does not block.
  public var space: RegionSpace {
    state.withLock { state in
      RegionSpace(
        free: PageCount(state.map.freeCount), largestRun: PageCount(state.map.longestRun))
    }
  }

  /// Takes the first run of free pages that is long enough (C1).
  ///
  /// - Parameters:
  ///   - count: pages, 1 or more.
  ///   - alignment: of the first page's number.
  ///   - bounds: pages among which to look; nil for all.
  /// - Returns: nil when there is none.
  /// - Complexity: O(log pages), for each run that is long enough but for its alignment.
  /// - Context: takes the region's lock; does not block.
  public func takeRun(
    _ count: PageCount, alignedTo alignment: Order = Order(0), in bounds: Range<Int>? = nil
  ) -> Range<Int>? {
    let bounds = bounds?.clamped(to: pages) ?? pages
    return state.withLock { state in
      guard
        let fit = state.map.firstFit(
          count.rawValue, alignment: alignment.pages.rawValue, in: bounds)
      else { return nil }
      let run = fit.lowerBound..<fit.lowerBound + count.rawValue
      state.map.take(run)
      return run
    }
  }

  /// Takes chunks, from where the last turn ended and once round (C2): in one run where there is one, else
  /// wherever they are.
  ///
  /// - Parameters:
  ///   - count: chunks, 1 or more.
  ///   - order: of each; the number of its first page is a multiple of its size.
  ///   - body: is given chunks, as many at a time as are next to each other, and says how many of their pages can be
  ///     had; it has given back the others.
  /// - Returns: whether there were so many. If not, the caller gives back what it was given.
  /// - Complexity: O(runs × log pages); O(1) when fewer pages are free.
  /// - Context: takes the region's lock for a run at a time, not while `body` is called; does not block.
  public func takeChunks(_ count: Int, of order: Order, _ body: (Range<Int>) -> Int) -> Bool {
    let chunk = order.pages.rawValue
    let (start, free) = state.withLock { ($0.nextTurn, $0.map.freeCount) }
    guard count <= free / chunk else { return false }
    var missing = count * chunk
    if let run = takeRun(missing, alignedTo: chunk, from: start) { missing -= body(run) }
    // A chunk across the start is in neither half of the turn.
    let end = min(start + chunk, pages.upperBound)
    missing = takeChunks(chunk, missing, in: start..<pages.upperBound, body)
    return takeChunks(chunk, missing, in: pages.lowerBound..<end, body) == 0
  }

  /// Takes the first run from a page on, or else before it.
  private func takeRun(_ count: Int, alignedTo alignment: Int, from start: Int) -> Range<Int>? {
    state.withLock { state in
      guard count <= state.map.longestRun else { return nil }
      let fit =
        state.map.firstFit(count, alignment: alignment, in: start..<pages.upperBound)
        ?? state.map.firstFit(
          count, alignment: alignment,
          in: pages.lowerBound..<min(start + count, pages.upperBound))
      guard let fit else { return nil }
      return state.take(fit.lowerBound..<fit.lowerBound + count)
    }
  }

  /// Takes up to `wanted` pages of chunks.
  ///
  /// - Returns: pages that are missing.
  private func takeChunks(
    _ chunk: Int, _ wanted: Int, in bounds: Range<Int>, _ body: (Range<Int>) -> Int
  ) -> Int {
    var missing = wanted
    var position = bounds.lowerBound
    while missing > 0,
      let chunks = takeChunks(chunk, atMost: missing, in: position..<bounds.upperBound)
    {
      missing -= body(chunks)
      position = chunks.upperBound
    }
    return missing
  }

  /// Takes the first chunks that are next to each other.
  private func takeChunks(_ chunk: Int, atMost most: Int, in bounds: Range<Int>) -> Range<Int>? {
    state.withLock { state in
      guard let fit = state.map.firstFit(chunk, alignment: chunk, in: bounds) else { return nil }
      let count = min(fit.count & ~(chunk - 1), most)
      return state.take(fit.lowerBound..<fit.lowerBound + count)
    }
  }

  /// Gives back pages that were taken, together or not.
  ///
  /// - Complexity: O(log pages).
  /// - Context: takes the region's lock; does not block.
  public func give(_ pages: Range<Int>) {
    state.withLock { $0.map.give(pages) }
  }
}

/// What a region's lock guards.
struct RegionState: ~Copyable {
  var map: PageMap

  /// The page where the next turn for chunks begins.
  var nextTurn: Int

  /// Takes chunks of a turn.
  mutating func take(_ chunks: Range<Int>) -> Range<Int> {
    map.take(chunks)
    nextTurn = chunks.upperBound < map.pages.upperBound ? chunks.upperBound : map.pages.lowerBound
    return chunks
  }
}

/// What is left of a region: what an error says (C1).
@frozen
public struct RegionSpace: Equatable, Sendable, BitwiseCopyable {
  /// Pages that nobody has.
  public let free: PageCount

  /// Pages in the longest run of them.
  public let largestRun: PageCount

  /// So much space.
  @inlinable
  public init(free: PageCount, largestRun: PageCount) {
    self.free = free
    self.largestRun = largestRun
  }
}
