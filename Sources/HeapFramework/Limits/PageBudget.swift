// SPDX-License-Identifier: MIT

import PagePools
import Synchronization

/// The pages that all clients together may hold, counted without all CPUs writing one counter (A3).
///
/// Pages are reserved of the limit. A shard whose client frees keeps up to `slack` of what is reserved in
/// stock, for the charges that usually follow. At every instant
/// `held + the shards' stock = reserved`, and `reserved` grows only while it stays within the limit: what
/// is held never exceeds a limit that is not lowered.
///
/// Before pages are refused, every shard's stock is collected. So with nobody else at work a refusal is
/// exact. While others are, it may come up to `slack` pages early for each shard, and for each other
/// request that is being refused at the same time: what those hold in their hands counts as taken.
@usableFromInline
struct PageBudget: ~Copyable, Sendable {
  /// What all shards read, and few write, two lines away from anything else.
  struct Total: ~Copyable {
    let before = InlineArray<16, UInt64>(repeating: 0)
    let limit: Atomic<Int>
    let reserved = Atomic<Int>(0)
    let peak = Atomic<Int>(0)
    let after = InlineArray<16, UInt64>(repeating: 0)
  }

  /// What one shard keeps: the adjacent-line prefetcher pairs lines.
  struct Stock: ~Copyable {
    let pages = Atomic<Int>(0)
    let padding = InlineArray<15, UInt64>(repeating: 0)
  }

  private let total: StableArray<Total>
  private let stocks: StableArray<Stock>
  private let slack: Int

  /// Makes a budget of which nothing is held.
  ///
  /// - Parameters:
  ///   - limit: pages, 0...``ClientAccount/mostPages``.
  ///   - shardCount: 1 or more, one for each CPU that charges much.
  ///   - slack: pages that a shard keeps at most.
  /// - Context: allocates; may block.
  init(limit: Int, shardCount: Int, slack: Int) {
    precondition(shardCount >= 1 && slack >= 0)
    self.slack = slack
    total = StableArray(count: 1) { _ in Total(limit: Atomic(limit)) }
    stocks = StableArray(count: shardCount) { _ in Stock() }
  }

  /// Pages; lowering it below what is held only refuses what comes then.
  var limit: Int {
    get { total[0].limit.load(ordering: .relaxed) }
    nonmutating set { total[0].limit.store(newValue, ordering: .relaxed) }
  }

  /// Pages that are held: exact when nobody charges, else of about now, and never above a limit that was
  /// not lowered.
  var held: Int {
    var stock = 0
    for shard in 0..<stocks.count { stock += stocks[shard].pages.load(ordering: .relaxed) }
    return max(0, total[0].reserved.load(ordering: .relaxed) - stock)
  }

  /// The most pages that were reserved at once: what was held, and at most `slack` for each shard.
  var peak: Int { total[0].peak.load(ordering: .relaxed) }
}

// MARK: - Taking and giving

extension PageBudget {
  /// Takes pages, if the limit allows it.
  ///
  /// - Parameters:
  ///   - pages: 1 or more.
  ///   - shard: any number, best the CPU's.
  /// - Context: takes no lock; does not block.
  @usableFromInline
  func take(_ pages: Int, shard: Int) -> Bool {
    if takeFromStock(pages, of: homeShard(shard)) || reserve(pages) { return true }
    collectStocks()
    return reserve(pages)
  }

  /// Gives back pages that were taken, on any shard.
  @usableFromInline
  func give(_ pages: Int, shard: Int) {
    let shard = homeShard(shard)
    var seen = stocks[shard].pages.load(ordering: .relaxed)
    while pages <= slack - seen {
      let (isDone, found) = stocks[shard].pages.weakCompareExchange(
        expected: seen, desired: seen + pages, ordering: .relaxed)
      if isDone { return }
      seen = found
    }
    unreserve(pages)
  }

  private func homeShard(_ hint: Int) -> Int {
    hint >= 0 && hint < stocks.count ? hint : abs(hint % stocks.count)
  }

  private func takeFromStock(_ pages: Int, of shard: Int) -> Bool {
    var seen = stocks[shard].pages.load(ordering: .relaxed)
    // A limit that was lowered holds for what is in stock, too.
    while pages <= seen, total[0].reserved.load(ordering: .relaxed) <= limit {
      let (isDone, found) = stocks[shard].pages.weakCompareExchange(
        expected: seen, desired: seen - pages, ordering: .relaxed)
      if isDone { return true }
      seen = found
    }
    return false
  }

  private func reserve(_ pages: Int) -> Bool {
    var seen = total[0].reserved.load(ordering: .relaxed)
    while pages <= limit - seen {
      let (isDone, found) = total[0].reserved.weakCompareExchange(
        expected: seen, desired: seen + pages, ordering: .relaxed)
      if isDone {
        if seen + pages > peak { total[0].peak.max(seen + pages, ordering: .relaxed) }
        return true
      }
      seen = found
    }
    return false
  }

  private func unreserve(_ pages: Int) {
    let before = total[0].reserved.wrappingSubtract(pages, ordering: .relaxed).oldValue
    precondition(before >= pages, "more is given back than was taken")
  }

  /// One shard after the other, so that no more than one stock is in nobody's account.
  private func collectStocks() {
    for shard in 0..<stocks.count {
      let stock = stocks[shard].pages.exchange(0, ordering: .relaxed)
      if stock > 0 { unreserve(stock) }
    }
  }
}
