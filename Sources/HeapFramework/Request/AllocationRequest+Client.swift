// SPDX-License-Identifier: MIT

public import PagePools

/// The same request from the caller's side: what a client of the ioctl writes and reads.
extension AllocationRequest {
  /// Writes the request into the ABI's struct, its length rounded up to pages, its field `fd` 0.
  ///
  /// - Parameters:
  ///   - arguments: ``byteCount`` bytes or more; those past the struct stay as they are.
  ///   - pageSize: the host's.
  public func encode(into arguments: inout MutableRawSpan, pageSize: PageSize) {
    precondition(arguments.byteCount >= Self.byteCount, "the struct has 24 bytes")
    arguments.storeBytes(of: UInt64(pageSize.bytes(in: pages)), as: UInt64.self)
    arguments.storeBytes(of: 0, toByteOffset: Self.descriptorOffset, as: UInt32.self)
    arguments.storeBytes(of: descriptorFlags.rawValue, toByteOffset: 12, as: UInt32.self)
    arguments.storeBytes(of: heapFlags, toByteOffset: 16, as: UInt64.self)
  }

  /// The descriptor's number in an answered struct of ``byteCount`` bytes or more.
  public static func descriptor(in arguments: RawSpan) -> UInt32 {
    // SAFETY: every bit pattern is a number; the span checks the offset.
    unsafe arguments.unsafeLoadUnaligned(fromByteOffset: descriptorOffset, as: UInt32.self)
  }
}
