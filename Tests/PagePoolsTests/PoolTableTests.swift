// SPDX-License-Identifier: MIT

import PagePools
import TestSupport
import Testing

/// The debug table, to the byte (P8).
struct PoolTableTests {
  private let fixture = PoolFixture(limit: 65_536, shardCount: 2)

  private func table(
    columns: PoolTable<TestHost>.Columns = .all, hidden: Set<Int> = []
  ) -> String {
    let names = ["system", "uncached", "größe", ""].map { Array($0.utf8) }
    var bytes: [UInt8] = []
    PoolTable(of: fixture.set).write(
      columns: columns, isShown: { !hidden.contains($0.number) },
      nameByte: { row, index in
        index < names[row.number].count ? names[row.number][index] : nil
      },
      to: { bytes.append($0) })
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func write_withoutPools_hasNoRows() {
    #expect(
      table() == """
          pages
        total : 0 of 65536 pages

        """)
    fixture.close()
  }

  @Test func write_showsBlocksOfEverySizeAndRow() throws {
    let large = try fixture.pool(256)
    let small = try fixture.pool(1)
    let middle = try fixture.pool(16, kind: .test(1))
    #expect(
      table() == """
                  4K  64K  1M  pages
        system     0    0   0      0
        uncached   0    0   0      0
        total : 0 of 65536 pages

        """)
    try fixture.stock(1, large)
    try fixture.stock(2, small)
    try fixture.host.onShard(1) { _ = try fixture.stock(1, small) }
    try fixture.stock(2, middle)
    #expect(
      table() == """
                  4K  64K  1M  pages
        system     3    0   1    259
        uncached   0    2   0     32
        total : 291 of 65536 pages

        """)
    fixture.close()
  }

  @Test func write_ofStockedColumns_leavesOutEmptyOnes() throws {
    let pools = try [1, 2, 5, 1 << 18].map { try fixture.pool($0) }
    #expect(
      table(columns: .stocked) == """
                pages
        system      0
        total : 0 of 65536 pages

        """)
    try fixture.stock(12, pools[2])
    #expect(
      table(columns: .stocked) == """
                20K  pages
        system   12     60
        total : 60 of 65536 pages

        """)
    #expect(
      table() == """
                4K  8K  20K  1G  pages
        system   0   0   12   0     60
        total : 60 of 65536 pages

        """)
    fixture.close()
  }

  @Test func write_ofHiddenRows_sumsThemUp() throws {
    try fixture.stock(3, fixture.pool(1))
    try fixture.stock(2, fixture.pool(16, kind: .test(1)))
    try fixture.stock(1, fixture.pool(8, kind: .test(3)))
    #expect(
      table(hidden: [1, 3]) == """
                4K  pages
        system   3      3
        total : 43 of 65536 pages, 40 in other pools

        """)
    #expect(
      table(hidden: [0, 1, 3]) == """
          pages
        total : 43 of 65536 pages, 43 in other pools

        """)
    fixture.close()
  }

  /// Two heaps may have pools of one size and kind.
  @Test func write_ofPoolsAlike_addsThemUp() throws {
    try fixture.stock(3, fixture.pool(4))
    try fixture.stock(4, fixture.pool(4))
    #expect(
      table() == """
                16K  pages
        system    7     28
        total : 28 of 65536 pages

        """)
    fixture.close()
  }

  @Test func write_ofManyBlocks_widensTheColumns() throws {
    try fixture.stock(1234, fixture.pool(1))
    try fixture.stock(10, fixture.pool(1 << 9, kind: .test(1)))
    #expect(
      table() == """
                    4K  2M  pages
        system    1234   0   1234
        uncached     0  10   5120
        total : 6354 of 65536 pages

        """)
    fixture.close()
  }

  @Test func write_afterDestroy_forgetsThePool() throws {
    let pool = try fixture.pool(1)
    try fixture.stock(1, pool)
    try fixture.stock(1, fixture.pool(2, kind: .test(1)))
    fixture.set.destroy(pool)
    #expect(
      table() == """
                  8K  pages
        uncached   1      2
        total : 2 of 65536 pages

        """)
    fixture.close()
  }

  /// The table is of the instant it was made.
  @Test func write_afterMoreWasPooled_showsTheOldStocks() throws {
    let pool = try fixture.pool(1)
    let table = PoolTable(of: fixture.set)
    try fixture.stock(1, pool)
    var bytes: [UInt8] = []
    table.write(nameByte: { _, _ in nil }, to: { bytes.append($0) })
    #expect(String(decoding: bytes, as: UTF8.self).hasSuffix("total : 0 of 65536 pages\n"))
    fixture.close()
  }
}
