// SPDX-License-Identifier: MIT

/// A plane of somebody's memory, for reading.
public struct PlaneSpan: ~Escapable {
  /// The plane's number in its layout.
  public let index: Int

  /// Where its rows are.
  public let plane: BufferLayout.Plane

  /// All its bytes, with those between the rows.
  public let bytes: RawSpan

  @_lifetime(copy memory)
  init(_ index: Int, of layout: BufferLayout, in memory: RawSpan) throws(HeapError) {
    plane = try layout.plane(index, within: memory.byteCount)
    self.index = index
    bytes = memory.extracting(plane.offset..<plane.offset + plane.byteCount)
  }

  /// The bytes of a row, without what is between it and the next.
  ///
  /// - Throws: ``HeapError/invalidLayout(plane:reason:)`` (EINVAL) when there is no such row.
  @_lifetime(copy self)
  public func row(_ row: Int) throws(HeapError) -> RawSpan {
    try bytes.extracting(plane.bytes(ofRow: row, in: index))
  }

  /// The elements of a row.
  ///
  /// - Throws: ``HeapError/invalidLayout(plane:reason:)`` (EINVAL) when there is no such row, it is
  ///   not a whole number of elements, or they are not aligned.
  @_lifetime(copy self)
  public func row<Element: PlaneElement>(
    _ row: Int, as type: Element.Type
  ) throws(HeapError) -> Span<Element> {
    let range = try plane.bytes(ofRow: row, in: index)
    let elements = unsafe try bytes.withUnsafeBytes { (bytes) throws(HeapError) in
      try unsafe plane.elements(range, of: bytes, as: type, in: index)
    }
    // SAFETY: the range is within the plane, aligned, and every pattern of bits is an element.
    let span = unsafe Span(_unsafeStart: elements.start, count: elements.count)
    return unsafe _overrideLifetime(span, copying: self)
  }
}

/// A plane of somebody's memory, for writing.
public struct MutablePlaneSpan: ~Copyable, ~Escapable {
  /// The plane's number in its layout.
  public let index: Int

  /// Where its rows are.
  public let plane: BufferLayout.Plane

  private var memory: MutableRawSpan

  @_lifetime(copy memory)
  init(
    _ index: Int, of layout: BufferLayout, in memory: consuming MutableRawSpan
  ) throws(HeapError) {
    let plane = try layout.plane(index, within: memory.byteCount)
    self.plane = plane
    self.index = index
    self.memory = memory
  }

  /// All its bytes, with those between the rows.
  public var bytes: MutableRawSpan {
    @_lifetime(&self)
    mutating get { part(0..<plane.byteCount) }
  }

  /// The bytes of a row, without what is between it and the next.
  ///
  /// - Throws: ``HeapError/invalidLayout(plane:reason:)`` (EINVAL) when there is no such row.
  @_lifetime(&self)
  public mutating func row(_ row: Int) throws(HeapError) -> MutableRawSpan {
    part(try plane.bytes(ofRow: row, in: index))
  }

  /// Part of the plane.
  @_lifetime(&self)
  private mutating func part(_ range: Range<Int>) -> MutableRawSpan {
    let start = unsafe memory.withUnsafeMutableBytes { [plane] in
      unsafe UnsafeMutableRawBufferPointer(
        rebasing: $0[plane.offset + range.lowerBound..<plane.offset + range.upperBound])
    }
    // SAFETY: the range is within the plane, and `self` is exclusively borrowed as long as the span.
    let span = unsafe MutableRawSpan(_unsafeBytes: start)
    return unsafe _overrideLifetime(span, mutating: &self)
  }

  /// The elements of a row.
  ///
  /// - Throws: ``HeapError/invalidLayout(plane:reason:)`` (EINVAL) when there is no such row, it is
  ///   not a whole number of elements, or they are not aligned.
  @_lifetime(&self)
  public mutating func row<Element: PlaneElement>(
    _ row: Int, as type: Element.Type
  ) throws(HeapError) -> MutableSpan<Element> {
    let range = try plane.bytes(ofRow: row, in: index)
    let elements = unsafe try memory.withUnsafeMutableBytes { (bytes) throws(HeapError) in
      let bytes = unsafe UnsafeRawBufferPointer(rebasing: bytes[plane.offset...])
      return try unsafe plane.elements(range, of: bytes, as: type, in: index)
    }
    // SAFETY: as in PlaneSpan, and `self` is exclusively borrowed as long as the span.
    let span = unsafe MutableSpan(
      _unsafeStart: UnsafeMutablePointer(mutating: elements.start), count: elements.count)
    return unsafe _overrideLifetime(span, mutating: &self)
  }
}

// MARK: - Checks

extension BufferLayout {
  /// The plane of a number, when all of it is within memory of a size.
  fileprivate func plane(_ index: Int, within byteCount: Int) throws(HeapError) -> Plane {
    guard planes.indices.contains(index) else {
      throw .invalidLayout(plane: index, reason: "the layout has \(planes.count)")
    }
    let plane = planes[index]
    let end = plane.offset + plane.byteCount
    guard end <= byteCount else {
      throw .invalidLayout(
        plane: index, reason: "it ends at \(end) bytes, but the buffer has \(byteCount)")
    }
    return plane
  }
}

extension BufferLayout.Plane {
  /// Where a row's bytes are in the plane.
  fileprivate func bytes(ofRow row: Int, in index: Int) throws(HeapError) -> Range<Int> {
    guard 0..<rowCount ~= row else {
      throw .invalidLayout(plane: index, reason: "there is no row \(row), it has \(rowCount)")
    }
    return row * stride..<row * stride + rowByteCount
  }

  /// A row's elements.
  fileprivate func elements<Element: PlaneElement>(
    _ row: Range<Int>, of plane: UnsafeRawBufferPointer, as type: Element.Type, in index: Int
  ) throws(HeapError) -> (start: UnsafePointer<Element>, count: Int) {
    let size = MemoryLayout<Element>.stride
    guard rowByteCount % size == 0 else {
      throw .invalidLayout(
        plane: index,
        reason: "a row of \(rowByteCount) bytes is no whole number of elements of \(size)")
    }
    let bytes = unsafe UnsafeRawBufferPointer(rebasing: plane[row])
    let alignment = MemoryLayout<Element>.alignment
    guard let base = bytes.baseAddress, Int(bitPattern: base) % alignment == 0 else {
      throw .invalidLayout(
        plane: index,
        reason: "offset \(offset) and stride \(stride) do not align elements to \(alignment) bytes")
    }
    return (unsafe base.assumingMemoryBound(to: type), rowByteCount / size)
  }
}

// MARK: - Of buffers

extension Buffer {
  /// A plane of the buffer, for reading.
  ///
  /// - Throws: ``HeapError/invalidLayout(plane:reason:)`` (EINVAL) when the layout has no such plane,
  ///   or it ends beyond the buffer.
  /// - Complexity: O(1).
  @_lifetime(borrow self)
  public borrowing func plane(
    _ index: Int, of layout: BufferLayout
  ) throws(HeapError) -> PlaneSpan {
    try PlaneSpan(index, of: layout, in: bytes)
  }

  /// A plane of the buffer, for writing.
  ///
  /// - Throws: as ``plane(_:of:)``.
  /// - Complexity: O(1).
  @_lifetime(&self)
  public mutating func mutablePlane(
    _ index: Int, of layout: BufferLayout
  ) throws(HeapError) -> MutablePlaneSpan {
    try MutablePlaneSpan(index, of: layout, in: mutableBytes)
  }
}

extension ReceivedBuffer {
  /// A plane of the buffer, for reading.
  ///
  /// - Throws: ``HeapError/invalidLayout(plane:reason:)`` (EINVAL) when the layout has no such plane,
  ///   or it ends beyond the buffer.
  /// - Complexity: O(1).
  @_lifetime(borrow self)
  public borrowing func plane(
    _ index: Int, of layout: BufferLayout
  ) throws(HeapError) -> PlaneSpan {
    try PlaneSpan(index, of: layout, in: bytes)
  }

  /// A plane of the buffer, for writing, which ``isWritable`` must allow.
  ///
  /// - Throws: as ``plane(_:of:)``.
  /// - Complexity: O(1).
  @_lifetime(&self)
  public mutating func mutablePlane(
    _ index: Int, of layout: BufferLayout
  ) throws(HeapError) -> MutablePlaneSpan {
    try MutablePlaneSpan(index, of: layout, in: mutableBytes)
  }
}
