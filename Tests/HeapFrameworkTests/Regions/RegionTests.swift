// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import Synchronization
import TestSupport
import Testing

/// A region agrees with a list of pages, whatever was taken of it (C1, C2).
struct RegionTests {
  /// Pieces of a region, of which each state has some taken: single pages, runs that end within words of 64
  /// pages, and words and more.
  private static let cuts = [
    [Int](repeating: 1, count: 8), [37, 27, 64, 1, 63, 128, 2, 5],
    [64, 64, 64, 64, 64, 64, 64, 64],
  ]

  @Test(arguments: cuts, [0, 3])
  func everyState_agreesWithTheModel(cut: [Int], first: Int) throws {
    var end = first
    let pieces = cut.map { count in
      defer { end += count }
      return end..<end + count
    }
    let pages = first..<end
    var states = 0
    for state in 0..<1 << cut.count {
      let taken = pieces.indices.filter { state >> $0 & 1 != 0 }.map { pieces[$0] }
      let fixture = try RegionFixture(pages, taken: taken)
      for count in [1, 2, 3, 7, 8, 27, 37, 64, 65, 129, 300, 512] {
        for order in [0, 2, 6] {
          if let run = fixture.takeRun(count, order: order) { fixture.give(run) }
          if let runs = fixture.takeChunks(count, order: order) {
            runs.forEach { fixture.give($0) }
          }
        }
      }
      let bounds = first + pages.count / 3..<first + pages.count * 2 / 3
      if let run = fixture.takeRun(2, in: bounds) { fixture.give(run) }
      fixture.check()
      states += 1
    }
    #expect(states == 256)
  }

  @Test func randomSteps_agreeWithTheModel() {
    var random = SeededGenerator(for: "randomSteps_agreeWithTheModel")
    let fixture = RegionFixture(1000..<1777)
    var taken: [Range<Int>] = []
    for _ in 0..<(TestScale.isSanitized ? 2000 : 10_000) {
      switch random.below(5) {
      case 0, 1:
        let first = 1000 + random.below(777)
        let bounds = random.oneIn(2) ? nil : first..<min(first + random.below(300), 1777)
        if let run = fixture.takeRun(1 + random.below(40), order: random.below(7), in: bounds) {
          taken.append(run)
        }
      case 2:
        let order = random.below(5)
        if let runs = fixture.takeChunks(1 + random.below(12), order: order) {
          taken += runs
        }
      default:
        guard !taken.isEmpty else { continue }
        // Some of a run comes back, and the rest later.
        let run = taken.remove(at: random.below(taken.count))
        let middle = run.lowerBound + random.below(run.count)
        fixture.give(middle..<run.upperBound)
        if middle > run.lowerBound { taken.append(run.lowerBound..<middle) }
        fixture.check()
      }
    }
    for run in taken { fixture.give(run) }
    fixture.check()
    #expect(fixture.region.space.largestRun == PageCount(777))
  }

  @Test func moreThanThereIs_isRefusedAtOnce() {
    let region = Region<TestHost>(0..<1 << 20)
    #expect(region.takeRun(PageCount(Int.max)) == nil)
    func refuse(_ run: Range<Int>) -> Int {
      Issue.record("something was taken")
      return run.count
    }
    #expect(!region.takeChunks(Int.max, of: Order(4), refuse))
    #expect(!region.takeChunks(1, of: Order(51), refuse))
    #expect(region.takeRun(PageCount(1), in: 5..<5) == nil)
    #expect(region.takeRun(PageCount(1), in: -7 ..< -3) == nil)
    #expect(region.takeRun(PageCount(1), in: 1 << 20..<1 << 21) == nil)
    #expect(region.space.largestRun == PageCount(1 << 20))
  }

  /// A turn begins where the one before it ended, and what lies across that page is not missed.
  @Test func turns_goRound() {
    let fixture = RegionFixture(0..<100)
    #expect(fixture.takeChunks(4, order: 3) == [0..<32])
    #expect(fixture.takeChunks(4, order: 3) == [32..<64])
    fixture.give(0..<32)
    // No run is long enough: behind the last one taken, then from the start.
    #expect(fixture.takeChunks(5, order: 3) == [64..<96, 0..<8])
    fixture.give(32..<96)
    #expect(fixture.takeChunks(3, order: 5) == nil)
    // The turn begins at 8, in the middle of a chunk: it is not missed when it is whole.
    fixture.give(0..<8)
    #expect(fixture.takeChunks(3, order: 5) == [0..<96])
    fixture.give(0..<96)
    // In the middle of the only chunk that there is.
    #expect(fixture.takeRun(30, in: 0..<30) == 0..<30)
    #expect(fixture.takeChunks(1, order: 3) == [32..<40])
    fixture.give(0..<30)
    #expect(fixture.takeRun(60, in: 40..<100) == 40..<100)
    #expect(fixture.takeChunks(1, order: 5) == [0..<32])
  }

  /// No page is ever had by two.
  @Test func threads_shareTheRegion() {
    let pageCount = 4096
    let region = Region<TestHost>(0..<pageCount)
    let owners = PageOwners(count: pageCount)
    let steps = TestScale.isSanitized ? 2000 : 20_000
    let threads = (1...4).map { number in
      TestThread {
        var random = SeededGenerator(seed: UInt64(number))
        var taken: [Range<Int>] = []
        for _ in 0..<steps {
          var more: [Range<Int>] = []
          switch random.below(4) {
          case 0:
            if let run = region.takeRun(PageCount(1 + random.below(60))) { more = [run] }
          case 1:
            let isDone = region.takeChunks(1 + random.below(20), of: Order(3)) { run in
              more.append(run)
              return run.count
            }
            if !isDone {
              for run in more { region.give(run) }
              more = []
            }
          default:
            guard !taken.isEmpty else { continue }
            let run = taken.remove(at: random.below(taken.count))
            owners.leave(run)
            region.give(run)
          }
          for run in more { owners.enter(run) }
          taken += more
        }
        for run in taken {
          owners.leave(run)
          region.give(run)
        }
      }
    }
    for thread in threads { thread.join() }
    #expect(owners.conflictCount == 0)
    #expect(region.space == Region<TestHost>(0..<pageCount).space)
  }
}

/// How many have each page.
private final class PageOwners: Sendable {
  private let counts: StableArray<Atomic<Int>>
  private let conflicts = Atomic(0)

  init(count: Int) {
    counts = StableArray(count: count) { _ in Atomic(0) }
  }

  var conflictCount: Int { conflicts.load(ordering: .relaxed) }

  func enter(_ run: Range<Int>) {
    for page in run where counts[page].add(1, ordering: .relaxed).newValue != 1 {
      conflicts.add(1, ordering: .relaxed)
    }
  }

  func leave(_ run: Range<Int>) {
    for page in run { counts[page].subtract(1, ordering: .relaxed) }
  }
}
