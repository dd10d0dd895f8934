// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// Stories of fragmentation that other allocators are judged by.
///
/// - Source: the cases of linux drivers/gpu/drm/tests/drm_buddy_test.c, by their names; what is expected here is
///   what first fit does, which is never less than a buddy allocator gives.
struct RegionScenarioTests {
  private static let largestOrder = 10

  /// One block of each order is all there is.
  @Test func optimistic() throws {
    let fixture = RegionFixture(0..<(2 << Self.largestOrder) - 1)
    for order in (0...Self.largestOrder).reversed() {
      try #require(fixture.takeRun(1 << order, order: order) != nil)
    }
    #expect(fixture.region.space.free == .zero)
    #expect(fixture.takeRun(1) == nil)
  }

  /// One block of each order but the largest leaves a page; what comes back joins.
  @Test func pessimistic() throws {
    let fixture = RegionFixture(0..<1 << Self.largestOrder)
    var blocks: [Range<Int>] = []
    for order in 0..<Self.largestOrder {
      blocks.append(try #require(fixture.takeRun(1 << order, order: order)))
    }
    blocks.append(try #require(fixture.takeRun(1)))
    #expect(fixture.takeRun(1) == nil)
    let last = blocks.removeLast()
    fixture.give(last)
    for order in 1...Self.largestOrder {
      #expect(fixture.takeRun(1 << order, order: order) == nil)
    }
    for block in blocks.reversed() { fixture.give(block) }
    #expect(fixture.takeRun(1 << Self.largestOrder, order: Self.largestOrder) != nil)
  }

  /// Again and again the largest block comes back and is whittled down.
  @Test func pathological() throws {
    let fixture = RegionFixture(0..<1 << Self.largestOrder)
    var holes: [Range<Int>] = []
    for top in (1...Self.largestOrder).reversed() {
      if let hole = holes.popLast() { fixture.give(hole) }
      var blocks: [Range<Int>] = []
      for order in 0..<top {
        blocks.append(try #require(fixture.takeRun(1 << order, order: order)))
      }
      // The one page that is left.
      blocks.append(try #require(fixture.takeRun(1)))
      #expect(fixture.takeRun(1) == nil)
      holes = [try #require(blocks.dropLast().last)]
    }
    #expect(fixture.region.space.free == .zero)
  }

  /// Of three lists that have every third page, one after another comes back.
  @Test func contiguous() throws {
    let count = 48
    let fixture = RegionFixture(0..<count)
    var lists: [[Range<Int>]] = [[], [], []]
    for page in 0..<count { lists[page % 3].append(try #require(fixture.takeRun(1))) }
    for run in lists[0] { fixture.give(run) }
    #expect(fixture.takeRun(2) == nil)
    #expect(fixture.takeRun(3) == nil)
    for run in lists[2] { fixture.give(run) }
    // The third of one and the first of the next.
    let two = try #require(fixture.takeRun(2))
    #expect(two == 2..<4)
    #expect(fixture.takeRun(3) == nil)
    fixture.give(two)
    for run in lists[1] { fixture.give(run) }
    #expect(fixture.takeRun(count) == 0..<count)
  }

  /// Within each of a region's parts, taken in any order, there is what the part has and no more.
  @Test func range_bias() throws {
    var random = SeededGenerator(for: "range_bias")
    let part = 64
    let fixture = RegionFixture(0..<16 * part)
    for index in (0..<16).shuffled(using: &random) {
      let bias = index * part..<(index + 1) * part
      #expect(fixture.takeRun(part + 1, in: bias) == nil)
      var taken = 0
      while taken < part {
        let count = 1 + random.below(part - taken)
        guard let run = fixture.takeRun(count, in: bias) else {
          Issue.record("\(count) of \(part - taken) pages")
          return
        }
        #expect(bias.contains(run.lowerBound) && bias.contains(run.upperBound - 1))
        taken += count
      }
      #expect(fixture.takeRun(1, in: bias) == nil)
    }
    #expect(fixture.region.space.free == .zero)
  }

  /// 8 KiB blocks at 64 KiB, of two users: when one's have come back, no 64 KiB are in a row; when both's have,
  /// all are.
  @Test func fragmentation() throws {
    let blockCount = 512
    let fixture = RegionFixture(0..<16 * blockCount)
    var users: [[Range<Int>]] = [[], []]
    for index in 0..<blockCount {
      let run = try #require(fixture.takeRun(2, order: 4))
      #expect(run.lowerBound == 16 * index)
      users[index % 2].append(run)
    }
    #expect(fixture.takeRun(2, order: 4) == nil)
    #expect(fixture.takeRun(14) == 2..<16)
    fixture.give(2..<16)
    for run in users[0] { fixture.give(run) }
    // From behind one of the other's to the next: 30 pages.
    #expect(fixture.region.space.largestRun == PageCount(30))
    for run in users[1] { fixture.give(run) }
    for index in 0..<blockCount {
      #expect(fixture.takeRun(16, order: 4)?.lowerBound == 16 * index)
    }
    #expect(fixture.region.space.free == .zero)
  }

  /// What is aligned is where the address is, not where the region begins.
  @Test func offset_aligned() throws {
    let fixture = RegionFixture(9..<9 + 128)
    #expect(fixture.takeRun(16, order: 4) == 16..<32)
    #expect(fixture.takeRun(2, order: 1) == 10..<12)
    #expect(fixture.takeRun(64, order: 6) == 64..<128)
    #expect(fixture.takeRun(16, order: 4) == 32..<48)
    #expect(fixture.takeRun(32, order: 5) == nil)
    #expect(fixture.takeRun(1) == 9..<10)
  }

  /// Ten pages of a carveout: what came back can be cut anew.
  @Test func carveout() throws {
    let fixture = RegionFixture(0..<10)
    let four = try #require(fixture.takeRun(4))
    let two = try #require(fixture.takeRun(2))
    fixture.give(four)
    fixture.give(two)
    for count in [3, 4, 3] { #expect(fixture.takeRun(count) != nil) }
    #expect(fixture.region.space.free == .zero)
  }
}
