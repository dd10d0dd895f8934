// SPDX-License-Identifier: MIT

/// How a buffer's memory is cut into planes: rows of equal length, at equal distance.
///
/// ```swift
/// let layout = try BufferLayout.nv12(width: 1920, height: 1080)
/// var frame = try heap.allocate(byteCount: layout.byteCount)
/// var chroma = try frame.mutablePlane(1, of: layout)
/// var row = try chroma.row(0, as: UInt8.self)
/// row[0] = 128
/// ```
public struct BufferLayout: Equatable, Sendable {
  /// One plane.
  public struct Plane: Equatable, Sendable {
    /// Where it begins, in bytes from the buffer's beginning.
    public var offset: Int

    /// Bytes in each row.
    public var rowByteCount: Int

    /// Bytes from one row to the next, at least ``rowByteCount``.
    public var stride: Int

    /// Rows.
    public var rowCount: Int

    /// A plane as a device or another program has it; checked when it becomes part of a layout.
    public init(offset: Int, rowByteCount: Int, stride: Int, rowCount: Int) {
      self.offset = offset
      self.rowByteCount = rowByteCount
      self.stride = stride
      self.rowCount = rowCount
    }

    /// Bytes in the plane, with what is between its rows and after the last.
    public var byteCount: Int { stride * rowCount }
  }

  /// The planes, in their order.
  public let planes: [Plane]

  /// Bytes that a buffer needs: where the last plane ends.
  public let byteCount: Int

  /// A layout of planes as they are; they may overlap, as the fields of an interlaced picture do.
  ///
  /// - Throws: ``HeapError/invalidLayout(plane:reason:)`` (EINVAL) for a negative offset, an empty or negative
  ///   size, a stride below the row's length, or an end that no number can express.
  public init(_ planes: [Plane]) throws(HeapError) {
    var end = 0
    for (index, plane) in planes.enumerated() {
      guard plane.offset >= 0 else {
        throw .invalidLayout(plane: index, reason: "it begins at \(plane.offset)")
      }
      guard plane.rowByteCount > 0, plane.rowCount > 0 else {
        throw .invalidLayout(
          plane: index,
          reason: "\(plane.rowCount) rows of \(plane.rowByteCount) bytes are not possible")
      }
      guard plane.stride >= plane.rowByteCount else {
        throw .invalidLayout(
          plane: index,
          reason: "a stride of \(plane.stride) bytes is less than a row of \(plane.rowByteCount)")
      }
      let (byteCount, isTooLarge) = plane.stride.multipliedReportingOverflow(by: plane.rowCount)
      let (planeEnd, isTooFar) = plane.offset.addingReportingOverflow(byteCount)
      guard !isTooLarge, !isTooFar else {
        throw .invalidLayout(plane: index, reason: "it ends beyond any memory")
      }
      end = max(end, planeEnd)
    }
    self.planes = planes
    byteCount = end
  }

  /// A layout of planes one after the other.
  ///
  /// - Parameters:
  ///   - sizes: the bytes in each row and the rows of each plane.
  ///   - rowAlignment: strides are multiples of this, in bytes: 1 or more.
  ///   - planeAlignment: planes begin at multiples of this, in bytes: 1 or more; a page, unless set.
  /// - Throws: ``HeapError/invalidLayout(plane:reason:)`` (EINVAL).
  public init(
    sizes: [(rowByteCount: Int, rowCount: Int)], rowAlignment: Int = 64, planeAlignment: Int = 4096
  ) throws(HeapError) {
    var planes: [Plane] = []
    var end = 0
    for (index, size) in sizes.enumerated() {
      guard let stride = Self.roundUp(size.rowByteCount, to: rowAlignment),
        let offset = Self.roundUp(end, to: planeAlignment)
      else {
        throw .invalidLayout(
          plane: index,
          reason: "alignments of \(rowAlignment) and \(planeAlignment) bytes are not possible")
      }
      planes.append(
        Plane(
          offset: offset, rowByteCount: size.rowByteCount, stride: stride, rowCount: size.rowCount))
      // Checks this plane too, so that its end is a number.
      end = try BufferLayout(planes).byteCount
    }
    try self.init(planes)
  }

  /// - Returns: nil when there is no such number.
  private static func roundUp(_ byteCount: Int, to alignment: Int) -> Int? {
    guard alignment >= 1 else { return nil }
    let (sum, isTooLarge) = byteCount.addingReportingOverflow(alignment - 1)
    return isTooLarge ? nil : sum - sum % alignment
  }
}

// MARK: - What the field uses

extension BufferLayout {
  /// One plane of whole pixels, as RGBA.
  ///
  /// - Throws: ``HeapError/invalidLayout(plane:reason:)`` (EINVAL) for sizes below 1.
  public static func packed(
    width: Int, height: Int, bytesPerPixel: Int, rowAlignment: Int = 64
  ) throws(HeapError) -> BufferLayout {
    let sizes = [(try rowByteCount(width, bytesPerPixel, plane: 0), height)]
    return try BufferLayout(sizes: sizes, rowAlignment: rowAlignment)
  }

  /// Luma, then the two chroma samples of 2 × 2 pixels side by side: NV12, and with two bytes a sample P010.
  ///
  /// - Parameters:
  ///   - width: pixels; odd ones have a chroma sample of their own.
  ///   - height: pixels, likewise.
  ///   - bytesPerSample: 1 for NV12, 2 for P010.
  ///   - rowAlignment: bytes; strides are multiples of it.
  ///   - planeAlignment: bytes; planes begin at multiples of it.
  /// - Throws: ``HeapError/invalidLayout(plane:reason:)`` (EINVAL) for sizes below 1.
  public static func nv12(
    width: Int, height: Int, bytesPerSample: Int = 1, rowAlignment: Int = 64,
    planeAlignment: Int = 4096
  ) throws(HeapError) -> BufferLayout {
    let sizes = [
      (try rowByteCount(width, bytesPerSample, plane: 0), height),
      (
        try rowByteCount(width / 2 + width % 2, 2 * bytesPerSample, plane: 1),
        height / 2 + height % 2
      ),
    ]
    return try BufferLayout(
      sizes: sizes, rowAlignment: rowAlignment, planeAlignment: planeAlignment)
  }

  /// Luma, then each chroma sample of 2 × 2 pixels in a plane of its own: I420.
  ///
  /// - Parameters:
  ///   - width: pixels; odd ones have chroma samples of their own.
  ///   - height: pixels, likewise.
  ///   - bytesPerSample: 1 or more.
  ///   - rowAlignment: bytes; strides are multiples of it.
  ///   - planeAlignment: bytes; planes begin at multiples of it.
  /// - Throws: ``HeapError/invalidLayout(plane:reason:)`` (EINVAL) for sizes below 1.
  public static func planar420(
    width: Int, height: Int, bytesPerSample: Int = 1, rowAlignment: Int = 64,
    planeAlignment: Int = 4096
  ) throws(HeapError) -> BufferLayout {
    let chroma = (
      try rowByteCount(width / 2 + width % 2, bytesPerSample, plane: 1), height / 2 + height % 2
    )
    let sizes = [(try rowByteCount(width, bytesPerSample, plane: 0), height), chroma, chroma]
    return try BufferLayout(
      sizes: sizes, rowAlignment: rowAlignment, planeAlignment: planeAlignment)
  }

  private static func rowByteCount(
    _ samples: Int, _ byteCount: Int, plane: Int
  ) throws(HeapError) -> Int {
    let (result, isTooLarge) = samples.multipliedReportingOverflow(by: byteCount)
    guard !isTooLarge, byteCount > 0, samples > 0 else {
      throw .invalidLayout(
        plane: plane, reason: "rows of \(samples) times \(byteCount) bytes are not possible")
    }
    return result
  }
}
