// SPDX-License-Identifier: MIT

import PagePools
import Testing

struct UnitTests {
  @Test func order_pages_isPowerOfTwo() {
    #expect(Order(0).pages == PageCount(1))
    #expect(Order(4).pages == PageCount(16))
    #expect(Order(8).pages == PageCount(256))
    #expect(Order(8).pages.byteCount == 1 << 20)
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
  func pageCount_coveringBytes_roundsUp(bytes: UInt64, pages: Int) {
    #expect(PageCount(covering: ByteCount(bytes)) == PageCount(pages))
  }

  /// The last length that rounds up to pages whose bytes fit an `Int`, and those past it.
  @Test func pageCount_coveringTooManyBytes_isNil() {
    let largest = UInt64(Int.max) - 4095
    #expect(PageCount(covering: ByteCount(largest))?.byteCount == Int(largest))
    #expect(PageCount(covering: ByteCount(largest - 4095))?.byteCount == Int(largest))
    #expect(PageCount(covering: ByteCount(largest + 1)) == nil)
    #expect(PageCount(covering: ByteCount(UInt64(Int.max))) == nil)
    #expect(PageCount(covering: ByteCount(UInt64(Int.max) + 1)) == nil)
    #expect(PageCount(covering: ByteCount(UInt64.max - 4095)) == nil)
    #expect(PageCount(covering: ByteCount(UInt64.max - 4094)) == nil)
    #expect(PageCount(covering: ByteCount(UInt64.max)) == nil)
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
    #expect(PageCount(rawValue: 3).byteCount == 12_288)
  }

  @Test func byteCount_comparesUnsigned() {
    #expect(ByteCount(1) < ByteCount(UInt64.max))
    #expect(!(ByteCount(rawValue: 2) < ByteCount(2)))
  }

  @Test func shrinkAnswers_ofNoPages_areSpecial() {
    #expect(ShrinkCount(.zero) == .empty)
    #expect(ShrinkCount(PageCount(1)) == .pages(PageCount(1)))
    #expect(ShrinkOutcome(.zero) == .stop)
    #expect(ShrinkOutcome(PageCount(1)) == .freed(PageCount(1)))
    #expect(ShrinkOutcome.stop.pages == .zero)
    #expect(ShrinkOutcome.freed(PageCount(9)).pages == PageCount(9))
  }
}
