// SPDX-License-Identifier: MIT

import PagePools
import Testing

struct UnitTests {
  @Test func order_pages_isPowerOfTwo() {
    #expect(Order(0).pages == PageCount(1))
    #expect(Order(4).pages == PageCount(16))
    #expect(Order(8).pages == PageCount(256))
    #expect(Order(51).pages.rawValue == 1 << 51)
  }

  @Test func order_outOfRange_isRefused() {
    #expect(Order(rawValue: 51) == Order(51))
    #expect(Order(rawValue: 52) == nil)
    #expect(Order(rawValue: 255) == nil)
  }

  @Test func order_comparesBySize() {
    #expect(Order(0) < Order(4))
    #expect(!(Order(4) < Order(4)))
    #expect([Order(8), Order(0), Order(4)].sorted() == [Order(0), Order(4), Order(8)])
  }

  @Test(
    arguments: [
      (0, 0), (1, 1), (4095, 1), (4096, 1), (4097, 2), (8192, 2), (8193, 3),
      (99_532_800, 24_300),
    ] as [(UInt64, Int)])
  func pages_coveringBytes_roundsUp(bytes: UInt64, pages: Int) {
    let size = PageSize(shift: 12)
    #expect(size.pages(covering: ByteCount(bytes)) == PageCount(pages))
  }

  /// The last length that rounds up to pages whose bytes fit an `Int`, and those past it, for every size
  /// of pages that machines have.
  @Test(arguments: [12, 14, 16])
  func pages_coveringTooManyBytes_isNil(_ shift: Int) {
    let size = PageSize(shift: shift)
    let page = UInt64(1) << UInt64(shift)
    let largest = UInt64(Int.max) - (page - 1)
    #expect(size.pages(covering: ByteCount(largest)).map { size.bytes(in: $0) } == Int(largest))
    let before = size.pages(covering: ByteCount(largest - (page - 1)))
    #expect(before.map { size.bytes(in: $0) } == Int(largest))
    #expect(size.pages(covering: ByteCount(largest + 1)) == nil)
    #expect(size.pages(covering: ByteCount(UInt64(Int.max))) == nil)
    #expect(size.pages(covering: ByteCount(UInt64(Int.max) + 1)) == nil)
    #expect(size.pages(covering: ByteCount(UInt64.max - (page - 1))) == nil)
    #expect(size.pages(covering: ByteCount(UInt64.max - (page - 2))) == nil)
    #expect(size.pages(covering: ByteCount(UInt64.max)) == nil)
  }

  @Test(arguments: [(12, 4096, 256), (14, 16_384, 64), (16, 65_536, 16)])
  func pageSize_hasBytes(_ shift: Int, _ bytes: Int, _ pagesPerMebibyte: Int) {
    let size = PageSize(shift: shift)
    #expect(size.bytesPerPage == bytes)
    #expect(size.bytes(in: PageCount(3)) == 3 * bytes)
    #expect(size.pages(covering: ByteCount(UInt64(bytes) + 1)) == PageCount(2))
    #expect(size.pages(covering: ByteCount(0)) == .zero)
    #expect(size.pages(inBytes: 1 << 20) == PageCount(pagesPerMebibyte))
    #expect(size.pages(inBytes: bytes - 1) == .zero)
  }

  @Test func pageSize_outOfRange_traps() async {
    await #expect(processExitsWith: .failure) { _ = PageSize(shift: 9) }
    await #expect(processExitsWith: .failure) { _ = PageSize(shift: 21) }
  }

  @Test func pageCount_arithmetic_isThatOfIntegers() {
    var pages = PageCount(5) + PageCount(7)
    #expect(pages == PageCount(12))
    pages += PageCount(1)
    pages -= PageCount(20)
    #expect(pages == PageCount(-7))
    #expect(PageCount(3) - PageCount(5) == PageCount(-2))
    #expect(pages < .zero)
    #expect(!(PageCount(2) < PageCount(2)))
  }

  @Test func byteCount_comparesUnsigned() {
    #expect(ByteCount(1) < ByteCount(UInt64.max))
    #expect(!(ByteCount(rawValue: 2) < ByteCount(2)))
  }
}
