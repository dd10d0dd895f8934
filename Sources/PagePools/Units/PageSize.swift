// SPDX-License-Identifier: MIT

/// How many bytes a page of the host has: 4 KiB on x86-64, 4, 16 or 64 KiB on arm64.
///
/// The core counts pages. Bytes come in where a request does, and go out where people read; both ask
/// the host for its page size (``PageSource/pageSize``).
@frozen
public struct PageSize: Equatable, Sendable, BitwiseCopyable {
  /// The base-two logarithm of the bytes in a page, 10...20.
  public let shift: UInt8

  /// Pages of `1 << shift` bytes; `shift` must be in 10...20.
  @inlinable
  public init(shift: Int) {
    precondition(shift >= 10 && shift <= 20, "a page has 1 KiB to 1 MiB")
    self.shift = UInt8(shift)
  }

  /// Bytes in one page.
  @inlinable
  public var bytesPerPage: Int { 1 << Int(shift) }

  /// Bytes in these pages.
  @inlinable
  public func bytes(in pages: PageCount) -> Int { pages.rawValue * bytesPerPage }

  /// The pages needed to hold `bytes`, rounded up.
  ///
  /// - Returns: nil when the rounding overflows 64 bits or the pages' bytes do not fit an `Int`. No
  ///   bytes need no pages.
  @inlinable
  public func pages(covering bytes: ByteCount) -> PageCount? {
    let (padded, overflow) = bytes.rawValue.addingReportingOverflow(UInt64(bytesPerPage - 1))
    let pages = padded >> UInt64(shift)
    guard !overflow, pages <= UInt64(Int.max >> Int(shift)) else { return nil }
    return PageCount(Int(pages))
  }
}

extension PageSize {
  /// The whole pages in `bytes`, 0 or more.
  @inlinable
  public func pages(inBytes bytes: Int) -> PageCount { PageCount(bytes >> Int(shift)) }
}
