// SPDX-License-Identifier: MIT

internal import PagePools

/// The same request from the caller's side: what a client of the ioctl writes and reads.
extension AllocationRequest {
  /// Writes the request into the ABI's struct, its length rounded up to pages, its field `fd` 0.
  ///
  /// - Parameter arguments: ``byteCount`` bytes or more; those past the struct stay as they are.
  public func encode(into arguments: inout MutableRawSpan) {
    precondition(arguments.byteCount >= Self.byteCount, "the struct has 24 bytes")
    arguments.storeBytes(of: UInt64(pages.byteCount), as: UInt64.self)
    arguments.storeBytes(of: 0, toByteOffset: Self.descriptorOffset, as: UInt32.self)
    arguments.storeBytes(of: descriptorFlags.rawValue, toByteOffset: 12, as: UInt32.self)
    // No heap flags are defined.
    arguments.storeBytes(of: 0, toByteOffset: 16, as: UInt64.self)
  }

  /// The descriptor's number in an answered struct of ``byteCount`` bytes or more.
  public static func descriptor(in arguments: RawSpan) -> UInt32 {
    // SAFETY: every bit pattern is a number; the span checks the offset.
    unsafe arguments.unsafeLoadUnaligned(fromByteOffset: descriptorOffset, as: UInt32.self)
  }
}
