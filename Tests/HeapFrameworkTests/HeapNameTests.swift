// SPDX-License-Identifier: MIT

import HeapFramework
import Testing

/// What a heap may be called (H1).
struct HeapNameTests {
  private func bytes(_ name: HeapName) -> [UInt8] {
    name.withUTF8 { span in (0..<span.count).map { span[$0] } }
  }

  @Test(arguments: [
    "system", "a", "default_cma_region", "system-uncached", "video@42000000-contiguous",
    "linux,cma", "reserved", "...", ".hidden", "..a", "a.", "größe", " ",
    String(repeating: "x", count: 63),
  ])
  func init_validName_keepsItsBytes(_ text: String) throws {
    #expect(bytes(try HeapName(utf8: text.utf8)) == Array(text.utf8))
  }

  @Test(
    arguments: [
      ("", .empty), ("/", .containsSlash), ("dma_heap/system", .containsSlash),
      ("system/", .containsSlash),
      (".", .isDirectoryReference), ("..", .isDirectoryReference),
      (String(repeating: "x", count: 64), .tooLong),
      // 32 characters, 64 bytes.
      (String(repeating: "ß", count: 32), .tooLong),
    ] as [(String, HeapNameError)])
  func init_invalidName_namesTheRule(_ text: String, _ error: HeapNameError) {
    #expect(throws: error) { try HeapName(utf8: text.utf8) }
  }

  @Test func init_withNull_namesTheRule() {
    #expect(throws: HeapNameError.containsNull) { try HeapName(utf8: [0]) }
    #expect(throws: HeapNameError.containsNull) { try HeapName(utf8: "sys\0tem".utf8) }
  }

  /// Every byte alone and after another: only `/`, NUL and `.` are special.
  @Test func init_everyByte() {
    for byte in UInt8.min...UInt8.max {
      let alone = try? HeapName(utf8: [byte])
      let second = try? HeapName(utf8: [UInt8(ascii: "a"), byte])
      let isForbidden = byte == 0 || byte == UInt8(ascii: "/")
      #expect((alone == nil) == (isForbidden || byte == UInt8(ascii: ".")))
      #expect((second == nil) == isForbidden)
    }
  }

  @Test func equality_isThatOfBytes() throws {
    let name = try HeapName(utf8: "system".utf8)
    #expect(name == (try HeapName(utf8: Array("system".utf8))))
    for other in ["syste", "systemx", "System", "systen"] {
      #expect(name != (try HeapName(utf8: other.utf8)))
    }
  }
}
