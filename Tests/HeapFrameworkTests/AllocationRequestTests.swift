// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import Testing

/// The allocation request in every form that callers may give it (H3).
struct AllocationRequestTests {
  /// What a caller fills in; each struct size keeps its first bytes.
  private struct Fields {
    var length: UInt64 = 4096
    var descriptor: UInt32 = 0
    var descriptorFlags: UInt32 = 0
    var heapFlags: UInt64 = 0

    /// The caller's struct of `size` bytes; what is past ours is full of ones.
    func bytes(_ size: Int) -> [UInt8] {
      var all: [UInt8] = []
      func append(_ value: some FixedWidthInteger) {
        for shift in 0..<(value.bitWidth / 8) {
          all.append(UInt8(truncatingIfNeeded: value >> (8 * shift)))
        }
      }
      append(length)
      append(descriptor)
      append(descriptorFlags)
      append(heapFlags)
      all += Array(repeating: 0xFF, count: max(0, size - all.count))
      return Array(all.prefix(size))
    }

    /// The fields as a struct of `size` bytes has them: bytes that are missing are zero.
    func truncated(to size: Int) -> Fields {
      func keep<T: FixedWidthInteger>(_ value: T, from offset: Int) -> T {
        let bits = 8 * min(max(size - offset, 0), value.bitWidth / 8)
        return bits == value.bitWidth ? value : value & ((1 << bits) - 1)
      }
      return Fields(
        length: keep(length, from: 0), descriptor: keep(descriptor, from: 8),
        descriptorFlags: keep(descriptorFlags, from: 12), heapFlags: keep(heapFlags, from: 16))
    }
  }

  private let pageSize = PageSize(shift: 12)

  private static let sizes = [0, 1, 7, 8, 9, 10, 12, 13, 14, 16, 18, 20, 23, 24, 25, 32, 64]

  private func decode(_ bytes: [UInt8]) -> Result<AllocationRequest, RequestError> {
    // SAFETY: a byte has no padding.
    Result { () throws(RequestError) in
      unsafe try AllocationRequest(arguments: bytes.span.bytes, pageSize: pageSize)
    }
  }

  /// What is wrong with the fields: the checks again, as the kernel's source has them.
  private func firstError(_ fields: Fields) -> RequestError? {
    if fields.descriptor != 0 { return .descriptorNotZero(fields.descriptor) }
    let allowed: UInt32 = 0o2000000 | 0o3
    if fields.descriptorFlags & ~allowed != 0 {
      return .unknownDescriptorFlags(fields.descriptorFlags & ~allowed)
    }
    if fields.heapFlags != 0 { return .unknownHeapFlags(fields.heapFlags) }
    if fields.length == 0 { return .lengthIsZero }
    let limit = UInt64(Int64.max) - 4095
    return fields.length > limit ? .lengthOverflows(ByteCount(fields.length)) : nil
  }

  /// Every combination of good and bad fields, in a struct of every size.
  @Test(arguments: sizes)
  func decode_everyCombination_reportsTheFirstError(_ size: Int) {
    let lengths: [UInt64] = [
      0, 1, 4095, 4096, 4097, UInt64(Int64.max) - 4095, UInt64(Int64.max) - 4094,
      UInt64(Int64.max), 1 << 63, UInt64.max - 4095, UInt64.max - 4094, UInt64.max,
    ]
    for length in lengths {
      for descriptor: UInt32 in [0, 1, 0x0100_0000, UInt32.max] {
        for flags: UInt32 in [0, 2, 3, 0x8_0002, 4, 0x800, 0x8000_0000, UInt32.max] {
          for heapFlags: UInt64 in [0, 1, 1 << 32, 1 << 63] {
            let fields = Fields(
              length: length, descriptor: descriptor, descriptorFlags: flags,
              heapFlags: heapFlags)
            let seen = fields.truncated(to: size)
            let result = decode(fields.bytes(size))
            if let error = firstError(seen) {
              #expect(result == .failure(error))
            } else if case .success(let request) = result {
              let pages = seen.length / 4096 + (seen.length % 4096 > 0 ? 1 : 0)
              #expect(request.pages == PageCount(Int(pages)))
              #expect(request.descriptorFlags.rawValue == seen.descriptorFlags)
            } else {
              Issue.record("\(seen) is refused: \(result)")
            }
          }
        }
      }
    }
  }

  /// The order of the checks, without a second opinion: each request has every later fault, too.
  @Test func decode_withAllFaults_reportsThemInOrder() {
    var fields = Fields(
      length: 0, descriptor: 7, descriptorFlags: 0x8_0004, heapFlags: 1 << 40)
    #expect(decode(fields.bytes(24)) == .failure(.descriptorNotZero(7)))
    fields.descriptor = 0
    #expect(decode(fields.bytes(24)) == .failure(.unknownDescriptorFlags(4)))
    fields.descriptorFlags = 0x8_0002
    #expect(decode(fields.bytes(24)) == .failure(.unknownHeapFlags(1 << 40)))
    fields.heapFlags = 0
    #expect(decode(fields.bytes(24)) == .failure(.lengthIsZero))
    fields.length = UInt64.max
    #expect(decode(fields.bytes(24)) == .failure(.lengthOverflows(ByteCount(UInt64.max))))
    fields.length = 1
    #expect(throws: Never.self) { try decode(fields.bytes(24)).get() }
  }

  @Test(arguments: [(1, 1), (4095, 1), (4096, 1), (4097, 2)] as [(UInt64, Int)])
  func length_isRoundedUpToPages(_ length: UInt64, _ pages: Int) throws {
    let request = try decode(Fields(length: length).bytes(24)).get()
    #expect(request.pages == PageCount(pages))
  }

  /// The same length in pages of other hosts, there and back.
  @Test(arguments: [(14, 3), (16, 1)])
  func length_isRoundedUpToPagesOfTheHost(_ shift: Int, _ pages: Int) throws {
    let pageSize = PageSize(shift: shift)
    let request = try AllocationRequest(length: ByteCount(40_000), pageSize: pageSize)
    #expect(request.pages == PageCount(pages))
    var bytes = [UInt8](repeating: 0, count: 24)
    var span = bytes.mutableSpan
    // SAFETY: every pattern of bits is a byte.
    var raw = unsafe span.mutableBytes
    request.encode(into: &raw, pageSize: pageSize)
    #expect(bytes == Fields(length: UInt64(pages << shift)).bytes(24))
    let limit = UInt64(Int64.max) - (1 << UInt64(shift) - 1)
    #expect(throws: Never.self) {
      try AllocationRequest(length: ByteCount(limit), pageSize: pageSize)
    }
    #expect(throws: RequestError.lengthOverflows(ByteCount(limit + 1))) {
      try AllocationRequest(length: ByteCount(limit + 1), pageSize: pageSize)
    }
  }

  /// A heap that takes flags is asked with them, and with no others.
  @Test func heapFlags_thatTheHeapKnows_arePassedOn() throws {
    let bytes = Fields(heapFlags: 5).bytes(24)
    // SAFETY: a byte has no padding.
    let request = unsafe try AllocationRequest(
      arguments: bytes.span.bytes, knownHeapFlags: 7, pageSize: pageSize)
    #expect(request.heapFlags == 5)
    #expect(throws: RequestError.unknownHeapFlags(4)) {
      try AllocationRequest(
        length: ByteCount(1), heapFlags: 5, knownHeapFlags: 3, pageSize: pageSize)
    }
  }

  @Test func decode_ofNothing_isALengthOfZero() {
    #expect(decode([]) == .failure(.lengthIsZero))
  }

  /// The first bytes of a field are its low ones.
  @Test func decode_ofPartialFields_zeroesTheirMissingBytes() throws {
    var fields = Fields(descriptor: 0xFFFF_0000)
    #expect(try decode(fields.bytes(10)).get().pages == PageCount(1))
    fields.descriptor = 0x0000_0100
    #expect(decode(fields.bytes(10)) == .failure(.descriptorNotZero(0x100)))
    fields = Fields(descriptorFlags: 0xFFFF_0002)
    #expect(try decode(fields.bytes(14)).get().descriptorFlags == .readWrite)
  }

  /// Every size: the descriptor goes where the struct has room for it, all else stays.
  @Test(arguments: sizes)
  func encode_writesTheDescriptorAndNothingElse(_ size: Int) {
    let before = Fields(length: 12_345, descriptorFlags: 0x8_0002, heapFlags: 9).bytes(size)
    var bytes = before
    var span = bytes.mutableSpan
    // SAFETY: every pattern of bits is a byte.
    var raw = unsafe span.mutableBytes
    AllocationRequest.encode(descriptor: 0x0403_0201, into: &raw)
    var expected = before
    for (offset, byte) in zip(8..., [1, 2, 3, 4] as [UInt8]) where offset < size {
      expected[offset] = byte
    }
    #expect(bytes == expected)
  }

  /// What a client writes is what a heap reads, in a struct that need not be clean before.
  @Test func encode_ofRequest_isDecodedAgain() throws {
    let flags: DescriptorFlags = [.closeOnExec, .readWrite]
    for length: UInt64 in [1, 4096, 4097, 32 << 20, 1 << 40] {
      let request = try AllocationRequest(
        length: ByteCount(length), descriptorFlags: flags.rawValue, pageSize: pageSize)
      var bytes = [UInt8](repeating: 0xFF, count: 32)
      var span = bytes.mutableSpan
      // SAFETY: every pattern of bits is a byte.
      var raw = unsafe span.mutableBytes
      request.encode(into: &raw, pageSize: pageSize)
      #expect(try decode(bytes).get() == request)
      let rounded = (length + 4095) / 4096 * 4096
      #expect(bytes == Fields(length: rounded, descriptorFlags: 0x8_0002).bytes(32))
    }
  }

  @Test func descriptor_isReadWhereItIsWritten() {
    var bytes = [UInt8](repeating: 0xFF, count: 24)
    var span = bytes.mutableSpan
    // SAFETY: every pattern of bits is a byte.
    var raw = unsafe span.mutableBytes
    AllocationRequest.encode(descriptor: 0x0403_0201, into: &raw)
    // SAFETY: a byte has no padding.
    #expect(unsafe AllocationRequest.descriptor(in: bytes.span.bytes) == 0x0403_0201)
  }

  @Test func descriptorFlags_areThoseOfTheABI() throws {
    let flags: DescriptorFlags = [.closeOnExec, .readWrite]
    #expect(flags.rawValue == 0x8_0002)
    #expect(DescriptorFlags.readWrite.rawValue == 2)
    #expect(DescriptorFlags.closeOnExec.rawValue == 0x8_0000)
    #expect(flags.unknownFlags == nil)
    #expect(DescriptorFlags(rawValue: 0x8_0043).unknownFlags == 0x40)
    let request = try AllocationRequest(
      length: ByteCount(1), descriptorFlags: flags.rawValue, pageSize: pageSize)
    #expect(request.descriptorFlags == flags)
  }
}

/// The command that carries the request (H3).
struct AllocationCommandTests {
  @Test func standard_isTheABIsNumber() throws {
    #expect(AllocationCommand.standard == 0xC018_4800)
    #expect(AllocationRequest.byteCount == 24)
    let command = try AllocationCommand(0xC018_4800)
    #expect(command.inputByteCount == 24)
    #expect(command.outputByteCount == 24)
  }

  @Test(arguments: [0, 1, 8, 10, 12, 16, 20, 24, 32, 64, 16_383])
  func anyStructSize_isAccepted(_ size: Int) throws {
    let number = AllocationCommand.command(structByteCount: size)
    #expect(number == 0xC000_4800 | UInt32(size) << 16)
    let command = try AllocationCommand(number)
    #expect(command.inputByteCount == size)
    #expect(command.outputByteCount == size)
  }

  @Test(
    arguments: [
      (0x0018_4800, 0, 0), (0x4018_4800, 24, 0), (0x8018_4800, 0, 24), (0xC018_4800, 24, 24),
    ] as [(UInt32, Int, Int)])
  func missingDirections_copyNothingThatWay(_ number: UInt32, _ input: Int, _ output: Int) throws {
    let command = try AllocationCommand(number)
    #expect(command.inputByteCount == input)
    #expect(command.outputByteCount == output)
  }

  /// Every type and number but `'H'` and 0.
  @Test func otherTypeOrNumber_isUnknown() {
    for low in UInt32(0)...0xFFFF where low != 0x4800 {
      let number = 0xC018_0000 | low
      let isRefused = (try? AllocationCommand(number)) == nil
      #expect(isRefused, "\(number)")
    }
    #expect(throws: RequestError.unknownCommand(0xC018_4801)) {
      try AllocationCommand(0xC018_4801)
    }
  }

  @Test func structSize_outOfRange_traps() async {
    await #expect(processExitsWith: .failure) {
      _ = AllocationCommand.command(structByteCount: 1 << 14)
    }
    await #expect(processExitsWith: .failure) {
      _ = AllocationCommand.command(structByteCount: -1)
    }
  }
}
