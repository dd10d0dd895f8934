// SPDX-License-Identifier: MIT

public import PagePools

/// A request for a buffer, decoded and found valid: allocate(len, fd_flags, heap_flags) (H3).
///
/// The ABI's struct is `{ u64 len; u32 fd; u32 fd_flags; u64 heap_flags }`, in the machine's byte
/// order. The checks are made in the kernel's order, before any memory is taken.
///
/// - Source: linux 6.1 include/uapi/linux/dma-heap.h; drivers/dma-buf/dma-heap.c:77-88 (order of the
///   checks) and 55-61 (length).
public struct AllocationRequest: Equatable, Sendable {
  /// Pages to allocate, 1 or more.
  public let pages: PageCount

  /// How the descriptor is to be made.
  public let descriptorFlags: DescriptorFlags

  /// What the heap is asked besides: flags that it knows.
  public let heapFlags: UInt64

  /// Bytes in the ABI's struct.
  public static var byteCount: Int { 24 }

  static var descriptorOffset: Int { 8 }

  /// Checks a request.
  ///
  /// - Parameters:
  ///   - length: bytes, 1 or more; rounded up to pages.
  ///   - descriptor: the field `fd`, which must be 0.
  ///   - descriptorFlags: `O_CLOEXEC` and an access mode.
  ///   - heapFlags: the ABI defines none.
  ///   - knownHeapFlags: those that the heap takes.
  ///   - pageSize: the host's.
  /// - Throws: ``RequestError``, the first that applies in the order of its cases (all EINVAL).
  public init(
    length: ByteCount, descriptor: UInt32 = 0, descriptorFlags: UInt32 = 0, heapFlags: UInt64 = 0,
    knownHeapFlags: UInt64 = 0, pageSize: PageSize
  ) throws(RequestError) {
    guard descriptor == 0 else { throw .descriptorNotZero(descriptor) }
    let flags = DescriptorFlags(rawValue: descriptorFlags)
    if let unknown = flags.unknownFlags { throw .unknownDescriptorFlags(unknown) }
    let unknownHeapFlags = heapFlags & ~knownHeapFlags
    guard unknownHeapFlags == 0 else { throw .unknownHeapFlags(unknownHeapFlags) }
    guard length.rawValue > 0 else { throw .lengthIsZero }
    guard let pages = pageSize.pages(covering: length) else { throw .lengthOverflows(length) }
    self.pages = pages
    self.descriptorFlags = flags
    self.heapFlags = heapFlags
  }

  /// Decodes and checks a struct of any size: missing fields read as zero, extra bytes are ignored.
  ///
  /// - Throws: as ``init(length:descriptor:descriptorFlags:heapFlags:knownHeapFlags:pageSize:)``.
  public init(
    arguments: RawSpan, knownHeapFlags: UInt64 = 0, pageSize: PageSize
  ) throws(RequestError) {
    try self.init(
      length: ByteCount(arguments.field(at: 0)),
      descriptor: arguments.field(at: Self.descriptorOffset),
      descriptorFlags: arguments.field(at: 12),
      heapFlags: arguments.field(at: 16), knownHeapFlags: knownHeapFlags, pageSize: pageSize)
  }

  /// Writes the new descriptor's number into the caller's struct, as far as that reaches.
  ///
  /// A caller whose struct ends before the field never learns the number, as in the kernel.
  public static func encode(descriptor: UInt32, into arguments: inout MutableRawSpan) {
    for index in 0..<4 where descriptorOffset + index < arguments.byteCount {
      let byte = UInt8(truncatingIfNeeded: descriptor.littleEndian >> UInt32(8 * index))
      arguments.storeBytes(of: byte, toByteOffset: descriptorOffset + index, as: UInt8.self)
    }
  }
}

extension RawSpan {
  /// The number at `offset`; bytes past the span's end are zero.
  fileprivate func field<Number: FixedWidthInteger & BitwiseCopyable>(at offset: Int) -> Number {
    guard offset + MemoryLayout<Number>.size > byteCount else {
      // SAFETY: every bit pattern is a number, and the span reaches to its end.
      return unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: Number.self)
    }
    var number: Number = 0
    var shift = 0
    for index in min(offset, byteCount)..<byteCount {
      // SAFETY: every bit pattern is a byte; the span checks the offset.
      number |= Number(unsafe unsafeLoad(fromByteOffset: index, as: UInt8.self)) << shift
      shift += 8
    }
    return Number(littleEndian: number)
  }
}

/// How a new descriptor is made: the request's `fd_flags`, `O_CLOEXEC` and one access mode.
public struct DescriptorFlags: OptionSet, Sendable {
  /// The flags as in the ABI.
  public let rawValue: UInt32

  /// Flags as in the ABI, valid or not.
  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// `O_CLOEXEC`: the descriptor does not survive `execve`.
  public static var closeOnExec: DescriptorFlags { DescriptorFlags(rawValue: 0x8_0000) }

  /// `O_RDONLY`: the descriptor can be mapped for reading alone.
  public static var readOnly: DescriptorFlags { DescriptorFlags(rawValue: 0) }

  /// `O_RDWR`: the descriptor can be mapped for writing.
  public static var readWrite: DescriptorFlags { DescriptorFlags(rawValue: 2) }

  /// Whether the access mode is one of the three there are; the kernel's heaps take the fourth number, too.
  public var hasAccessMode: Bool { rawValue & 3 != 3 }

  /// Flags that are neither `O_CLOEXEC` nor an access mode, nil when there are none.
  public var unknownFlags: UInt32? {
    let unknown = rawValue & ~0x8_0003
    return unknown == 0 ? nil : unknown
  }
}
