// SPDX-License-Identifier: MIT

import Testing

@testable import HeapBench

@Suite struct ByteSizeTests {
  @Test(arguments: [
    ("4096", 4096), ("1", 1), ("4K", 4096), ("4k", 4096), ("4KB", 4096), ("64KiB", 65_536),
    ("1MiB", 1 << 20), ("32M", 32 << 20), ("2G", 2 << 30), ("1T", 1 << 40), ("12B", 12),
    ("99999T", 99_999 << 40), ("9223372036854775807", Int.max), ("8388607T", 8_388_607 << 40),
    ("007", 7),
  ])
  func parse_ofSize_givesBytes(input: String, byteCount: Int) throws {
    #expect(try ByteSize.parse(input).byteCount == byteCount)
  }

  @Test(arguments: ["", "K", "-1", "+1", "1.5M", "4 K", " 4K", "4Q", "0x10", "4KK", "४K", "1KiBs"])
  func parse_ofOtherText_isNotASize(input: String) {
    #expect(throws: ByteSizeError.notASize(input)) { try ByteSize.parse(input) }
  }

  @Test(arguments: ["0", "0K", "000", "0TiB"])
  func parse_ofZero_isRefused(input: String) {
    #expect(throws: ByteSizeError.zero(input)) { try ByteSize.parse(input) }
  }

  @Test(arguments: [
    "9223372036854775808", "8388608T", "99999999999999999999999", "9007199254740992K",
  ])
  func parse_pastTheLargest_overflows(input: String) {
    #expect(throws: ByteSizeError.overflow(input)) { try ByteSize.parse(input) }
  }

  @Test func errors_nameInputAndLimit() {
    #expect(ByteSizeError.zero("0K").description.contains("'0K'"))
    #expect(ByteSizeError.zero("0K").description.contains("1 byte"))
    #expect(ByteSizeError.overflow("8388608T").description.contains("'8388608T'"))
    #expect(ByteSizeError.overflow("8388608T").description.contains("9223372036854775807"))
    #expect(ByteSizeError.notASize("4Q").description.contains("'4Q'"))
  }

  @Test(arguments: [
    (1, "1 B"), (4096, "4 KiB"), (5000, "5000 B"), (1 << 20, "1 MiB"), (3 << 19, "1536 KiB"),
    (2 << 30, "2 GiB"), (1 << 40, "1 TiB"), (0, "0 B"),
  ])
  func description_isShortestExactForm(byteCount: Int, text: String) {
    #expect(ByteSize(byteCount: byteCount).description == text)
  }
}
