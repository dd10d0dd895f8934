// SPDX-License-Identifier: MIT

internal import PagePools

/// Which pages of a fixed run of pages are free.
///
/// Pages are named by their numbers, so that what is aligned here is aligned in memory.
///
/// A binary tree over words of 64 pages. A node knows of the free pages below it how many they are, how many
/// there are in a row at its front and at its back, and the longest run:
///
/// ```text
///                 free 5, front 0, back 2, longest 2
///            ┌───────────────────┴───────────────────┐
///   free 2, front 0, back 1, longest 1     free 3, front 1, back 2, longest 2
///        ■ □ ■ □ (a word)                        □ ■ □ □ (a word)
/// ```
///
/// A node whose pages are all free or all taken speaks for those below it, which are brought up to date only
/// when somebody goes there.
///
/// - Complexity: taking, giving and finding a run is O(log pages), whatever its length. 16 bytes for 64 pages.
struct PageMap: ~Copyable {
  /// The pages there are.
  let pages: Range<Int>

  // Nodes 1 to `words.count - 1`, the root first; the children of `n` are `2 n` and `2 n + 1`. The nodes that
  // follow are the words.
  private var nodes: StableArray<FreePages>

  /// A bit for each page, set while it is free.
  private var words: StableArray<UInt64>

  /// A map of pages, 1 to 2^31 - 1 of them, all free.
  ///
  /// - Context: allocates; may block.
  init(_ pages: Range<Int>) {
    precondition(!pages.isEmpty && pages.count <= Int(Int32.max), "no region has so many pages")
    self.pages = pages
    var wordCount = 1
    while wordCount * Self.wordSize < pages.count { wordCount *= 2 }
    // All are taken at first, and those behind the end for ever.
    words = StableArray(count: wordCount) { _ in 0 }
    nodes = StableArray(count: wordCount) { _ in FreePages() }
    set(pages, isFree: true)
  }

  /// Pages that are free.
  var freeCount: Int { Int(self[root.index].count) }

  /// Pages in the longest run of free ones.
  var longestRun: Int { Int(self[root.index].longest) }

  /// Takes pages that are free.
  mutating func take(_ pages: Range<Int>) {
    let before = freeCount
    set(pages, isFree: false)
    precondition(before - freeCount == pages.count, "a page that was taken is taken again")
  }

  /// Gives pages back that were taken.
  mutating func give(_ pages: Range<Int>) {
    let before = freeCount
    set(pages, isFree: true)
    precondition(freeCount - before == pages.count, "a page that is free is given back")
  }

  /// The first `count` free pages in a row, the first of them at a multiple of `alignment`, and those that follow
  /// them in their run.
  ///
  /// - Parameters:
  ///   - count: 1 or more.
  ///   - alignment: a power of two.
  ///   - bounds: where they must lie, within ``pages``.
  /// - Complexity: O(log pages), for each run that is long enough but for its alignment.
  func firstFit(_ count: Int, alignment: Int, in bounds: Range<Int>) -> Range<Int>? {
    var start = bounds.lowerBound
    while let run = firstRun(of: count, in: start..<bounds.upperBound) {
      let aligned = (run.lowerBound + alignment - 1) & ~(alignment - 1)
      if aligned + count <= run.upperBound { return aligned..<run.upperBound }
      start = run.upperBound
    }
    return nil
  }

  /// The first run of at least `count` free pages, as far as it lies in `bounds`, which are within ``pages``.
  func firstRun(of count: Int, in bounds: Range<Int>) -> Range<Int>? {
    guard bounds.count >= count else { return nil }
    let origin = pages.lowerBound
    var run = 0
    guard
      let found = firstRun(of: count, from: bounds.lowerBound - origin, run: &run, below: root),
      found + count <= bounds.upperBound - origin
    else { return nil }
    let end = firstTaken(from: found, below: root) ?? pages.count
    return origin + found..<min(origin + end, bounds.upperBound)
  }
}

// MARK: - The tree

/// What a node knows of the pages below it.
struct FreePages: BitwiseCopyable {
  var count: Int32 = 0
  /// At the front, before the first that is taken.
  var front: Int32 = 0
  /// At the back, behind the last that is taken.
  var back: Int32 = 0
  var longest: Int32 = 0

  init() {}

  /// Of so many pages, all or none.
  init(_ count: Int) {
    self.count = Int32(count)
    front = self.count
    back = self.count
    longest = self.count
  }

  /// Of a word.
  init(word: UInt64) {
    count = Int32(word.nonzeroBitCount)
    front = Int32((~word).trailingZeroBitCount)
    back = Int32((~word).leadingZeroBitCount)
    // Each step shortens every run by one.
    var rest = word
    while rest != 0 {
      rest &= rest << 1
      longest += 1
    }
  }

  /// Of two halves of `size` pages each.
  init(_ left: FreePages, _ right: FreePages, _ size: Int) {
    count = left.count + right.count
    front = left.front == size ? left.front + right.front : left.front
    back = right.back == size ? right.back + left.back : right.back
    longest = max(left.longest, right.longest, left.back + right.front)
  }
}

/// A node's place in the tree, and the pages below it, counted from the map's first.
struct PageMapNode: BitwiseCopyable {
  let index: Int
  let first: Int
  let size: Int

  var end: Int { first + size }
  var left: PageMapNode { PageMapNode(index: 2 * index, first: first, size: size / 2) }
  var right: PageMapNode {
    PageMapNode(index: 2 * index + 1, first: first + size / 2, size: size / 2)
  }
}

extension PageMap {
  private static var wordSize: Int { UInt64.bitWidth }

  private var root: PageMapNode {
    PageMapNode(index: 1, first: 0, size: words.count * Self.wordSize)
  }

  private subscript(index: Int) -> FreePages {
    index < words.count ? nodes[index] : FreePages(word: words[index - words.count])
  }

  private mutating func set(_ pages: Range<Int>, isFree: Bool) {
    precondition(
      pages.lowerBound >= self.pages.lowerBound && pages.upperBound <= self.pages.upperBound,
      "a page of another region")
    let origin = self.pages.lowerBound
    set(pages.lowerBound - origin..<pages.upperBound - origin, isFree: isFree, below: root)
  }

  private mutating func set(_ range: Range<Int>, isFree: Bool, below node: PageMapNode) {
    let from = max(range.lowerBound, node.first)
    let to = min(range.upperBound, node.end)
    guard from < to else { return }
    guard to - from < node.size else { return mark(node, isFree: isFree) }
    guard node.index < words.count else {
      let bits = (UInt64.max >> UInt64(Self.wordSize - (to - from))) << UInt64(from - node.first)
      let word = words[node.index - words.count]
      words[node.index - words.count] = isFree ? word | bits : word & ~bits
      return
    }
    bringUpToDate(below: node)
    set(range, isFree: isFree, below: node.left)
    set(range, isFree: isFree, below: node.right)
    nodes[node.index] = FreePages(self[node.left.index], self[node.right.index], node.size / 2)
  }

  private mutating func mark(_ node: PageMapNode, isFree: Bool) {
    if node.index < words.count {
      nodes[node.index] = FreePages(isFree ? node.size : 0)
    } else {
      words[node.index - words.count] = isFree ? .max : 0
    }
  }

  /// Tells a node's children what it speaks for.
  private mutating func bringUpToDate(below node: PageMapNode) {
    let count = Int(nodes[node.index].count)
    guard count == 0 || count == node.size else { return }
    mark(node.left, isFree: count > 0)
    mark(node.right, isFree: count > 0)
  }

  /// The first page of the first run of `count` free pages from `start` on.
  ///
  /// - Parameter run: free pages just before the node, from `start` on; then just before its end.
  private func firstRun(
    of count: Int, from start: Int, run: inout Int, below node: PageMapNode
  ) -> Int? {
    guard node.end > start else { return nil }
    let free = self[node.index]
    let isUniform = free.count == 0 || Int(free.count) == node.size
    if node.first >= start || isUniform {
      let first = max(node.first, start)
      let front = isUniform && free.count > 0 ? node.end - first : Int(free.front)
      if run + front >= count { return first - run }
      if isUniform || Int(free.longest) < count {
        run = Int(free.count) == node.size ? run + front : Int(free.back)
        return nil
      }
    }
    guard node.index < words.count else {
      return firstRun(of: count, from: start, run: &run, in: node)
    }
    return firstRun(of: count, from: start, run: &run, below: node.left)
      ?? firstRun(of: count, from: start, run: &run, below: node.right)
  }

  private func firstRun(of count: Int, from start: Int, run: inout Int, in node: PageMapNode)
    -> Int?
  {
    let word = words[node.index - words.count]
    for page in max(node.first, start)..<node.end {
      run = word >> UInt64(page - node.first) & 1 != 0 ? run + 1 : 0
      if run >= count { return page + 1 - count }
    }
    return nil
  }

  /// The first page from `start` on that is taken.
  private func firstTaken(from start: Int, below node: PageMapNode) -> Int? {
    guard node.end > start else { return nil }
    let free = self[node.index]
    if Int(free.count) == node.size { return nil }
    if free.count == 0 { return max(node.first, start) }
    guard node.index < words.count else {
      let skipped = max(start - node.first, 0)
      let taken = ~words[node.index - words.count] >> UInt64(skipped)
      return taken == 0 ? nil : node.first + skipped + taken.trailingZeroBitCount
    }
    return firstTaken(from: start, below: node.left) ?? firstTaken(from: start, below: node.right)
  }
}
