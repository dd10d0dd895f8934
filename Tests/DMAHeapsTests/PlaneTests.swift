// SPDX-License-Identifier: MIT

import CLinuxShims
import CTestSupport
import DMAHeaps
import Glibc
import HeapFramework
import LinuxHost
import Testing

/// Planes are where their layout says, and nowhere else.
@Suite
struct PlaneTests {
  private typealias Plane = BufferLayout.Plane

  // MARK: Layouts

  @Test
  func nv12_isLumaThenChromaPairs() throws {
    let layout = try BufferLayout.nv12(width: 1921, height: 1081)
    #expect(
      layout.planes == [
        Plane(offset: 0, rowByteCount: 1921, stride: 1984, rowCount: 1081),
        Plane(offset: 2_146_304, rowByteCount: 1922, stride: 1984, rowCount: 541),
      ])
    #expect(layout.planes[1].offset % 4096 == 0)
    #expect(layout.byteCount == 2_146_304 + 1984 * 541)
  }

  @Test
  func p010_hasTwoBytesASample() throws {
    let layout = try BufferLayout.nv12(
      width: 64, height: 4, bytesPerSample: 2, rowAlignment: 1, planeAlignment: 1)
    #expect(
      layout.planes == [
        Plane(offset: 0, rowByteCount: 128, stride: 128, rowCount: 4),
        Plane(offset: 512, rowByteCount: 128, stride: 128, rowCount: 2),
      ])
    #expect(layout.byteCount == 768)
  }

  @Test
  func planar420_hasThreePlanes() throws {
    let layout = try BufferLayout.planar420(
      width: 7, height: 3, rowAlignment: 16, planeAlignment: 32)
    #expect(
      layout.planes == [
        Plane(offset: 0, rowByteCount: 7, stride: 16, rowCount: 3),
        Plane(offset: 64, rowByteCount: 4, stride: 16, rowCount: 2),
        Plane(offset: 96, rowByteCount: 4, stride: 16, rowCount: 2),
      ])
    #expect(layout.byteCount == 128)
  }

  @Test
  func packed_isOnePlane() throws {
    let layout = try BufferLayout.packed(width: 100, height: 10, bytesPerPixel: 4)
    #expect(layout.planes == [Plane(offset: 0, rowByteCount: 400, stride: 448, rowCount: 10)])
  }

  @Test
  func impossibleLayouts_nameThePlane() throws {
    func refused(_ reason: String, plane: Int, _ body: () throws(HeapError) -> BufferLayout) {
      do throws(HeapError) {
        _ = try body()
        Issue.record("a layout that is not possible: \(reason)")
      } catch {
        guard case .invalidLayout(plane, let text) = error else {
          Issue.record("\(error)")
          return
        }
        #expect(text.contains(reason))
        #expect(error.errorNumber == EINVAL)
        #expect("\(error)".contains("plane \(plane) "))
      }
    }
    let good = Plane(offset: 0, rowByteCount: 8, stride: 8, rowCount: 1)
    func with(_ change: (inout Plane) -> Void) -> () throws(HeapError) -> BufferLayout {
      var bad = good
      change(&bad)
      return { [bad] () throws(HeapError) in try BufferLayout([good, bad]) }
    }
    refused("begins at -1", plane: 1, with { $0.offset = -1 })
    refused("rows of 0 bytes", plane: 1, with { $0.rowByteCount = 0 })
    refused("-3 rows", plane: 1, with { $0.rowCount = -3 })
    refused("less than a row of 8", plane: 1, with { $0.stride = 7 })
    refused("beyond any memory", plane: 1, with { $0.rowCount = .max })
    refused("beyond any memory", plane: 1, with { $0.offset = .max })
    refused("alignments of 0", plane: 0) { () throws(HeapError) in
      try BufferLayout(sizes: [(1, 1)], rowAlignment: 0)
    }
    refused("alignments of 1 and \(Int.max)", plane: 1) { () throws(HeapError) in
      try BufferLayout(sizes: [(1, 2), (1, 1)], rowAlignment: 1, planeAlignment: .max)
    }
    for size in [0, -1, Int.min, Int.max] {
      refused("are not possible", plane: 0) { () throws(HeapError) in
        try BufferLayout.packed(width: size, height: 1, bytesPerPixel: 4)
      }
    }
    refused("rows of 4 bytes", plane: 0) { () throws(HeapError) in
      try BufferLayout.nv12(width: 4, height: 0)
    }
  }

  // MARK: Access

  /// Every byte is where the layout says: rows are written with their number, and all else stays zero.
  @Test
  func rows_areWhereTheLayoutSays() throws {
    let layout = try BufferLayout.planar420(
      width: 50, height: 31, rowAlignment: 16, planeAlignment: 256)
    try withSystem { _, heap in
      var buffer = try heap.allocate(byteCount: layout.byteCount)
      for (index, plane) in layout.planes.enumerated() {
        var span = try buffer.mutablePlane(index, of: layout)
        #expect(span.plane == plane)
        for row in 0..<plane.rowCount {
          var bytes = try span.row(row)
          #expect(bytes.byteCount == plane.rowByteCount)
          for offset in bytes.byteOffsets {
            bytes.storeBytes(of: mark(index, row), toByteOffset: offset, as: UInt8.self)
          }
        }
      }
      var expected = [UInt8](repeating: 0, count: buffer.byteCount)
      for (index, plane) in layout.planes.enumerated() {
        for row in 0..<plane.rowCount {
          let start = plane.offset + row * plane.stride
          for offset in start..<start + plane.rowByteCount { expected[offset] = mark(index, row) }
        }
      }
      let isAsExpected = buffer.withUnsafeBytes { $0.elementsEqual(expected) }
      #expect(isAsExpected)
      // And reading finds it.
      for (index, plane) in layout.planes.enumerated() {
        let span = try buffer.plane(index, of: layout)
        #expect(span.bytes.byteCount == plane.byteCount)
        for row in 0..<plane.rowCount {
          let elements = try span.row(row, as: UInt8.self)
          #expect(elements.count == plane.rowByteCount)
          for offset in elements.indices { #expect(elements[offset] == mark(index, row)) }
          #expect(try span.row(row).byteCount == plane.rowByteCount)
        }
      }
    }
  }

  private func mark(_ plane: Int, _ row: Int) -> UInt8 { UInt8(plane * 64 + row + 1) }

  @Test
  func typedRows_haveTheirElements() throws {
    let layout = try BufferLayout.nv12(width: 6, height: 2, bytesPerSample: 2)
    try withSystem { _, heap in
      var buffer = try heap.allocate(byteCount: layout.byteCount)
      var luma = try buffer.mutablePlane(0, of: layout)
      var row = try luma.row(1, as: UInt16.self)
      #expect(row.count == 6)
      for index in row.indices { row[index] = UInt16(1000 + index) }
      var whole = luma.bytes
      whole.storeBytes(of: 500, toByteOffset: 2, as: UInt16.self)
      let plane = try buffer.plane(0, of: layout)
      let first = try plane.row(0, as: UInt16.self)
      #expect(first[0] == 0 && first[1] == 500)
      let second = try plane.row(1, as: UInt16.self)
      #expect(second[0] == 1000 && second[5] == 1005)
    }
  }

  @Test
  func accessesThatAreNotPossible_nameThePlaneAndTheLimit() throws {
    try withSystem { _, heap in
      var buffer = try heap.allocate(byteCount: 4096)
      let layout = try BufferLayout([
        Plane(offset: 2, rowByteCount: 6, stride: 8, rowCount: 4),
        Plane(offset: 4090, rowByteCount: 7, stride: 7, rowCount: 1),
        Plane(offset: 4089, rowByteCount: 7, stride: 7, rowCount: 1),
      ])
      func refused(_ plane: Int, _ reason: String, _ body: () throws(HeapError) -> Void) {
        #expect(throws: HeapError.invalidLayout(plane: plane, reason: reason)) { try body() }
      }
      for index in [-1, 3] {
        refused(index, "the layout has 3") { () throws(HeapError) in
          _ = try buffer.plane(index, of: layout)
        }
        refused(index, "the layout has 3") { () throws(HeapError) in
          _ = try buffer.mutablePlane(index, of: layout)
        }
      }
      refused(1, "it ends at 4097 bytes, but the buffer has 4096") { () throws(HeapError) in
        _ = try buffer.plane(1, of: layout)
      }
      _ = try buffer.plane(2, of: layout)
      for row in [-1, 4, .min, .max] {
        refused(0, "there is no row \(row), it has 4") { () throws(HeapError) in
          _ = try buffer.plane(0, of: layout).row(row)
        }
        refused(0, "there is no row \(row), it has 4") { () throws(HeapError) in
          _ = try buffer.plane(0, of: layout).row(row, as: UInt8.self)
        }
        refused(0, "there is no row \(row), it has 4") { () throws(HeapError) in
          var plane = try buffer.mutablePlane(0, of: layout)
          _ = try plane.row(row)
        }
      }
      _ = try buffer.plane(0, of: layout).row(3, as: UInt16.self)
      refused(0, "a row of 6 bytes is no whole number of elements of 4") { () throws(HeapError) in
        _ = try buffer.plane(0, of: layout).row(0, as: Float.self)
      }
      refused(2, "offset 4089 and stride 7 do not align elements to 2 bytes") {
        () throws(HeapError) in
        let odd = try BufferLayout([
          Plane(offset: 0, rowByteCount: 1, stride: 1, rowCount: 1),
          Plane(offset: 0, rowByteCount: 1, stride: 1, rowCount: 1),
          Plane(offset: 4089, rowByteCount: 6, stride: 7, rowCount: 1),
        ])
        var plane = try buffer.mutablePlane(2, of: odd)
        _ = try plane.row(0, as: Int16.self)
      }
    }
  }

  @Test
  func receivedBuffers_havePlanes() throws {
    let sockets = try SocketPair()
    let layout = try BufferLayout.nv12(width: 16, height: 4)
    let file = OwnedDescriptor(
      owning: test_sealed_memfd(Int(layout.byteCount), SHIM_F_SEAL_SHRINK))
    try file.send(over: sockets.first)
    var received = try ReceivedBuffer(from: sockets.second)
    do {
      var chroma = try received.mutablePlane(1, of: layout)
      var row = try chroma.row(1, as: UInt8.self)
      row[15] = 128
    }
    let value = try received.plane(1, of: layout).row(1, as: UInt8.self)[15]
    #expect(value == 128)
    let end = received.withUnsafeBytes { $0[layout.planes[1].offset + 64 + 15] }
    #expect(end == 128)
  }
}
