// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// A region as a list of pages, searched page by page.
struct RegionModel {
  let pages: Range<Int>
  private var isFree: [Bool]

  /// The free pages' runs, in order.
  private(set) var runs: [Range<Int>]

  init(_ pages: Range<Int>) {
    self.pages = pages
    isFree = Array(repeating: true, count: pages.count)
    runs = [pages]
  }

  func isFree(_ run: Range<Int>) -> Bool {
    run.allSatisfy { pages.contains($0) && isFree[$0 - pages.lowerBound] }
  }

  mutating func set(_ run: Range<Int>, isFree free: Bool) {
    for page in run { isFree[page - pages.lowerBound] = free }
    runs = []
    var first: Int?
    for page in pages.lowerBound...pages.upperBound {
      let isEnd = page == pages.upperBound || !isFree[page - pages.lowerBound]
      if isEnd, let begin = first { runs.append(begin..<page) }
      first = isEnd ? nil : first ?? page
    }
  }

  func firstFit(_ count: Int, _ alignment: Int, in bounds: Range<Int>) -> Range<Int>? {
    for run in runs {
      let part = run.clamped(to: bounds)
      let first = (part.lowerBound + alignment - 1) / alignment * alignment
      if first + count <= part.upperBound { return first..<first + count }
    }
    return nil
  }

  var space: (free: Int, largestRun: Int) {
    (runs.reduce(0) { $0 + $1.count }, runs.map(\.count).max() ?? 0)
  }

  func chunkCount(_ chunk: Int) -> Int {
    runs.reduce(0) { sum, run in
      sum + max(run.upperBound / chunk - (run.lowerBound + chunk - 1) / chunk, 0)
    }
  }
}

/// A region and its model, which must agree after every step.
final class RegionFixture {
  let region: Region<TestHost>
  private(set) var model: RegionModel

  init(_ pages: Range<Int>) {
    region = Region(pages)
    model = RegionModel(pages)
  }

  /// A region of which the pages in `taken` are taken.
  convenience init(_ pages: Range<Int>, taken: [Range<Int>]) throws {
    self.init(pages)
    for run in taken {
      try #require(region.takeRun(PageCount(run.count), in: run) == run)
      model.set(run, isFree: false)
    }
    check()
  }

  func takeRun(
    _ count: Int, order: Int = 0, in bounds: Range<Int>? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) -> Range<Int>? {
    let expected = model.firstFit(count, 1 << order, in: bounds ?? model.pages)
    let run = region.takeRun(PageCount(count), alignedTo: Order(order), in: bounds)
    #expect(
      run == expected, "first fit of \(count) at \(1 << order)", sourceLocation: sourceLocation)
    if let run { model.set(run, isFree: false) }
    check(sourceLocation: sourceLocation)
    return run
  }

  /// Takes chunks, or gives back what there was.
  func takeChunks(
    _ count: Int, order: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) -> [Range<Int>]? {
    let isPossible = model.chunkCount(1 << order) >= count
    var runs: [Range<Int>] = []
    let isDone = region.takeChunks(count, of: Order(order)) { run in
      #expect(model.isFree(run), sourceLocation: sourceLocation)
      #expect(
        run.lowerBound % (1 << order) == 0 && run.count % (1 << order) == 0,
        sourceLocation: sourceLocation)
      model.set(run, isFree: false)
      runs.append(run)
      return run.count
    }
    #expect(
      isDone == isPossible, "\(count) chunks of \(1 << order)", sourceLocation: sourceLocation)
    if isDone {
      #expect(runs.map(\.count).reduce(0, +) == count << order, sourceLocation: sourceLocation)
    } else {
      for run in runs { give(run) }
    }
    check(sourceLocation: sourceLocation)
    return isDone ? runs : nil
  }

  func give(_ run: Range<Int>, sourceLocation: SourceLocation = #_sourceLocation) {
    region.give(run)
    model.set(run, isFree: true)
  }

  func check(sourceLocation: SourceLocation = #_sourceLocation) {
    let space = region.space
    let expected = model.space
    #expect(space.free.rawValue == expected.free, sourceLocation: sourceLocation)
    #expect(space.largestRun.rawValue == expected.largestRun, sourceLocation: sourceLocation)
  }
}
