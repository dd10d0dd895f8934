// SPDX-License-Identifier: MIT

public import PagePools

/// What regions and chunks must be, whoever declares them: a device tree, module parameters, a file (C1–C3).
public enum RegionRules {
  /// The most pages that a region can have.
  @inlinable public static var mostPages: PageCount { PageCount(Int(Int32.max)) }

  /// The largest chunks that a heap can be asked for: of 2^51 bytes.
  @inlinable
  public static func largestChunk(_ pageSize: PageSize) -> Order {
    Order(51 - Int(pageSize.shift))
  }

  /// A region's pages.
  ///
  /// - Parameters:
  ///   - byteCount: of the region.
  ///   - pageSize: the host's.
  /// - Throws: unless these are whole pages, 1 to 2^31 - 1 of them.
  @inlinable
  public static func pages(
    _ byteCount: UInt64, _ pageSize: PageSize
  ) throws(DeclarationProblem) -> PageCount {
    guard byteCount > 0, byteCount % UInt64(pageSize.bytesPerPage) == 0 else {
      throw .noPages(byteCount)
    }
    guard byteCount <= UInt64(pageSize.bytes(in: mostPages)) else {
      throw .tooLarge(byteCount)
    }
    return PageCount(Int(byteCount >> UInt64(pageSize.shift)))
  }

  /// The order of chunks of so many bytes, or of whatever else is aligned to its size.
  ///
  /// - Throws: unless these are a power of two, and a page or more.
  @inlinable
  public static func order(
    ofBytes byteCount: UInt64, _ pageSize: PageSize
  ) throws(DeclarationProblem) -> Order {
    guard byteCount >= UInt64(pageSize.bytesPerPage), byteCount.nonzeroBitCount == 1 else {
      throw .noPowerOfTwoPages(byteCount)
    }
    return Order((byteCount >> UInt64(pageSize.shift)).trailingZeroBitCount)
  }

  /// How a heap of chunks cuts its blocks out of a region.
  ///
  /// - Throws: when there is not one chunk in the region.
  @inlinable
  public static func cut(
    _ chunk: Order, from byteCount: UInt64, _ pageSize: PageSize
  ) throws(DeclarationProblem) -> RegionCut {
    guard pageSize.bytes(in: chunk.pages) <= byteCount else { throw .exceedsRegion(byteCount) }
    return .chunks(chunk)
  }
}
