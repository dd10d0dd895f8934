// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import Testing

struct SizeClassTests {
  @Test func pages_ofTheFirstClasses() {
    let sizes = (0..<20).map { SizeClass(index: $0).pages.rawValue }
    #expect(
      sizes == [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64])
  }

  @Test func pages_growStrictly() {
    for index in 1..<SizeClass.count {
      #expect(SizeClass(index: index - 1).pages < SizeClass(index: index).pages)
    }
    #expect(SizeClass(index: SizeClass.count - 1).pages == PageCount(1 << 28))
  }

  /// A class holds exactly its own pages and those above the class before.
  @Test func holding_isTheSmallestClassThatCovers() {
    for index in 0..<SizeClass.count {
      let pages = SizeClass(index: index).pages
      let below = index > 0 ? SizeClass(index: index - 1).pages : .zero
      #expect(SizeClass(holding: pages)?.index == index)
      #expect(SizeClass(holding: below + PageCount(1))?.index == index)
    }
  }

  @Test func holding_wastesAQuarterAtMost() {
    for pages in 1...100_000 {
      guard let size = SizeClass(holding: PageCount(pages))?.pages.rawValue else {
        Issue.record("\(pages) pages have no class")
        continue
      }
      #expect(size >= pages && 4 * (size - pages) <= pages)
    }
    for exponent in 4..<28 {
      let size = SizeClass(holding: PageCount(1 << exponent + 1))?.pages.rawValue
      #expect(size == 5 << (exponent - 2))
    }
  }

  @Test func holding_aboveTheLargest_isNil() {
    #expect(SizeClass(holding: PageCount(1 << 28))?.index == SizeClass.count - 1)
    #expect(SizeClass(holding: PageCount(1 << 28 + 1)) == nil)
    #expect(SizeClass(holding: PageCount(Int.max)) == nil)
  }

  @Test func init_outOfRange_traps() async {
    await #expect(processExitsWith: .failure) { _ = SizeClass(index: SizeClass.count) }
    await #expect(processExitsWith: .failure) { _ = SizeClass(index: -1) }
    await #expect(processExitsWith: .failure) { _ = SizeClass(holding: .zero) }
  }
}
