// SPDX-License-Identifier: MIT

/// The stocks of all pools at one instant, to be printed for whoever debugs a host (P8).
///
/// One column per block size, one row per kind of memory, and in each cell the number of blocks:
///
/// ```text
///            4K  64K  1M  pages
/// system      3    0   1    259
/// uncached    0    2   0     32
/// total : 291 of 65536 pages
/// ```
///
/// The table belongs to the set, so that every user of the set shows up in it. It is written byte by
/// byte, for the kernel's seq_file and a userspace socket alike.
public final class PoolTable<Source: PageSource>: Sendable {
  private struct Entry: Sendable {
    let properties: PoolProperties
    var blockCount = 0

    var blockSize: PageCount { properties.blockSize }
    var kind: MemoryKind { properties.kind }
    var pages: PageCount { PageCount(blockCount * blockSize.rawValue) }
  }

  /// Which columns are worth their room.
  @frozen
  public enum Columns: Sendable, BitwiseCopyable {
    /// One for each block size of any pool.
    case all

    /// Those only in which a row has a block: a host may have a hundred sizes.
    case stocked
  }

  /// By the pools' indices.
  private let entries: StableArray<Entry?>
  private let total: PageCount
  private let limit: PageCount
  private let pageSize: PageSize

  /// Notes the stocks of `set` as they are now.
  ///
  /// A pool that comes or goes meanwhile may be missing, or stand for the one that had its index.
  ///
  /// - Complexity: O(poolCapacity × shards).
  /// - Context: allocates an array of `poolCapacity` entries, then takes the list lock, then all shard
  ///   locks together; may block.
  public init(of set: PoolSet<Source>) {
    let capacity = set.poolCapacity
    var entries = StableArray<Entry?>(count: capacity) { _ in nil }
    set.list.withLock { list in
      for index in 0..<capacity where list.isTaken(index) {
        entries[index] = Entry(properties: set.propertyTable[PoolID(index: index)])
      }
    }
    var total = PageCount.zero
    set.withAllShards { _, state in
      total += state.accounts.pooled
      for index in 0..<capacity {
        entries[index]?.blockCount += state.stocks[index].blockCount
      }
    }
    self.entries = entries
    self.total = total
    limit = set.limit
    pageSize = set.source.pageSize
  }

  /// Writes the table, in lines that end with a newline.
  ///
  /// - Parameters:
  ///   - columns: which block sizes to show.
  ///   - isShown: whether the pools of this kind get a row; pages of the others are summed up
  ///     in the last line.
  ///   - nameByte: the byte of the row's name at `index`, or nil behind its end; called more than once
  ///     for each byte.
  ///   - emit: receives the text, in ASCII but for the names.
  /// - Complexity: O(pools² × rows); allocates nothing.
  /// - Context: takes no lock.
  public func write(
    columns: Columns = .all,
    isShown: (_ kind: MemoryKind) -> Bool = { _ in true },
    nameByte: (_ kind: MemoryKind, _ index: Int) -> UInt8?,
    to emit: (UInt8) -> Void
  ) {
    var nameWidth = 0
    var pageDigits = Self.digits(total.rawValue)
    forEachRow(isShown) { row in
      nameWidth = max(nameWidth, Self.length { nameByte(row, $0) })
      pageDigits = max(pageDigits, Self.digits(pages(in: row).rawValue))
    }
    let pagesWidth = max(pageDigits, 5) + 2

    Self.pad(nameWidth, emit)
    forEachColumn(columns, isShown) { size, width in
      Self.pad(width - labelLength(size), emit)
      label(size, emit)
    }
    Self.pad(pagesWidth - 5, emit)
    Self.text("pages\n", emit)

    forEachRow(isShown) { row in
      let length = Self.length { nameByte(row, $0) }
      for index in 0..<length {
        if let byte = nameByte(row, index) { emit(byte) }
      }
      Self.pad(nameWidth - length, emit)
      forEachColumn(columns, isShown) { size, width in
        Self.number(blockCount(size, in: row), width: width, emit)
      }
      Self.number(pages(in: row).rawValue, width: pagesWidth, emit)
      Self.text("\n", emit)
    }

    Self.text("total : ", emit)
    Self.number(total.rawValue, emit)
    Self.text(" of ", emit)
    Self.number(limit.rawValue, emit)
    Self.text(" pages", emit)
    let others = hiddenPages(isShown)
    if others > .zero {
      Self.text(", ", emit)
      Self.number(others.rawValue, emit)
      Self.text(" in other pools", emit)
    }
    Self.text("\n", emit)
  }
}

// MARK: - Rows and columns

extension PoolTable {
  /// Visits each kind once, in the order of the first pool that has it.
  private func forEachRow(
    _ isShown: (MemoryKind) -> Bool, _ body: (MemoryKind) -> Void
  ) {
    for index in 0..<entries.count {
      guard let row = entries[index]?.kind, isShown(row) else { continue }
      var isRepeated = false
      for earlier in 0..<index where entries[earlier]?.kind == row {
        isRepeated = true
      }
      if !isRepeated { body(row) }
    }
  }

  /// Visits each block size once, in ascending order, with the width of its column.
  private func forEachColumn(
    _ columns: Columns, _ isShown: (MemoryKind) -> Bool,
    _ body: (_ size: PageCount, _ width: Int) -> Void
  ) {
    var last = PageCount.zero
    while let size = nextSize(above: last, columns, isShown) {
      var digits = 1
      forEachRow(isShown) { row in
        digits = max(digits, Self.digits(blockCount(size, in: row)))
      }
      body(size, max(digits, labelLength(size)) + 2)
      last = size
    }
  }

  private func nextSize(
    above size: PageCount, _ columns: Columns, _ isShown: (MemoryKind) -> Bool
  ) -> PageCount? {
    var next: PageCount?
    for index in 0..<entries.count {
      guard let entry = entries[index], isShown(entry.kind) else { continue }
      guard columns == .all || entry.blockCount > 0, entry.blockSize > size else { continue }
      if let found = next, found <= entry.blockSize { continue }
      next = entry.blockSize
    }
    return next
  }

  private func blockCount(_ size: PageCount, in row: MemoryKind) -> Int {
    var count = 0
    for index in 0..<entries.count {
      guard let entry = entries[index], entry.kind == row else { continue }
      if entry.blockSize == size { count += entry.blockCount }
    }
    return count
  }

  private func pages(in row: MemoryKind) -> PageCount {
    var pages = PageCount.zero
    for index in 0..<entries.count {
      guard let entry = entries[index], entry.kind == row else { continue }
      pages += entry.pages
    }
    return pages
  }

  private func hiddenPages(_ isShown: (MemoryKind) -> Bool) -> PageCount {
    var pages = PageCount.zero
    for index in 0..<entries.count {
      guard let entry = entries[index], !isShown(entry.kind) else { continue }
      pages += entry.pages
    }
    return pages
  }
}

// MARK: - Text

extension PoolTable {
  private static func length(_ byte: (Int) -> UInt8?) -> Int {
    var length = 0
    while byte(length) != nil { length += 1 }
    return length
  }

  private static func pad(_ count: Int, _ emit: (UInt8) -> Void) {
    for _ in 0..<count { emit(UInt8(ascii: " ")) }
  }

  private static func text(_ text: StaticString, _ emit: (UInt8) -> Void) {
    // SAFETY: a static string lives for ever, and its length is that of its bytes.
    for index in 0..<text.utf8CodeUnitCount { emit(unsafe text.utf8Start[index]) }
  }

  private static func digits(_ number: Int) -> Int {
    var digits = 1
    var rest = number / 10
    while rest > 0 {
      digits += 1
      rest /= 10
    }
    return digits
  }

  /// Writes a number, 0 or more, at the right of `width` columns.
  private static func number(_ number: Int, width: Int = 0, _ emit: (UInt8) -> Void) {
    let digits = digits(number)
    pad(max(width - digits, 0), emit)
    var power = 1
    for _ in 1..<digits { power *= 10 }
    while power > 0 {
      emit(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / power % 10))
      power /= 10
    }
  }

  /// A size in the largest unit of which it is a whole number: 4 KiB is `4K`, 5 pages `20K`.
  private func scaled(_ size: PageCount) -> (number: Int, unit: StaticString) {
    let kibibytes = pageSize.bytes(in: size) >> 10
    if kibibytes % (1 << 20) == 0 { return (kibibytes >> 20, "G") }
    if kibibytes % (1 << 10) == 0 { return (kibibytes >> 10, "M") }
    return (kibibytes, "K")
  }

  private func labelLength(_ size: PageCount) -> Int {
    Self.digits(scaled(size).number) + 1
  }

  private func label(_ size: PageCount, _ emit: (UInt8) -> Void) {
    let (number, unit) = scaled(size)
    Self.number(number, emit)
    Self.text(unit, emit)
  }
}
