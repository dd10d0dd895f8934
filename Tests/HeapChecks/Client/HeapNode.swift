// SPDX-License-Identifier: MIT

import CHeapChecks
import CLinuxShims
import Glibc

/// The bytes of a page, which is what every heap rounds to.
let pageSize = 4096

/// An open heap node, `/dev/dma_heap/<name>`.
final class HeapNode: Sendable {
  let path: String

  /// What the lengths of its buffers are rounded up to, in bytes: a page, or a chunk (C2).
  let unit: Int

  /// The largest buffer that the heap promises, in bytes.
  let largestBuffer: Int

  /// The largest buffer that others have room beside.
  let largestShared: Int

  /// Bytes that its buffers may have together, as far as it is the heap that says so.
  let memory: Int

  private let descriptor: Int32

  /// Opens the node.
  ///
  /// Reading is enough to allocate, and what most clients ask for.
  init(_ path: String, flags: Int32 = O_RDONLY) throws(SystemFailure) {
    self.path = path
    let name = Self.name(path)
    if let region = try? ModuleRegion(of: name) {
      unit = region.unit * pageSize
      largestBuffer = region.pages / region.unit * unit
      largestShared = largestBuffer / 8
      memory = largestBuffer
    } else {
      unit = pageSize
      largestBuffer = name.hasSuffix("-contig") ? 4 << 20 : Int.max
      largestShared = largestBuffer
      memory = Int.max
    }
    descriptor = shim_open(path, flags | O_CLOEXEC)
    if descriptor < 0 { throw SystemFailure("open \(path)") }
  }

  deinit {
    close(descriptor)
  }

  /// The heap's name: the last part of the path.
  var name: String { Self.name(path) }

  private static func name(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  /// Allocates a buffer as clients do.
  func allocate(
    _ byteCount: Int, flags: Int32 = O_RDWR | O_CLOEXEC
  ) throws(SystemFailure) -> DMABuffer {
    var request = AllocationRequest(length: UInt64(byteCount), flags: UInt32(flags))
    try send(&request)
    let length = unit == pageSize ? byteCount : (byteCount + unit - 1) / unit * unit
    return DMABuffer(owning: Int32(bitPattern: request.descriptor ?? 0), byteCount: length)
  }

  /// Sends a request, which may be malformed.
  func send(_ request: inout AllocationRequest) throws(SystemFailure) {
    let command = request.command
    let result = request.bytes.withUnsafeMutableBytes { bytes in
      checks_ioctl(descriptor, command, bytes.baseAddress)
    }
    if result != 0 { throw SystemFailure("allocate") }
  }

  /// Sends a command with the struct at any address.
  func send(_ command: UInt32, at address: UnsafeMutableRawPointer?) throws(SystemFailure) {
    if checks_ioctl(descriptor, command, address) != 0 { throw SystemFailure("allocate") }
  }

  /// Calls that a heap node does not have.
  func read() throws(SystemFailure) {
    var byte: UInt8 = 0
    if Glibc.read(descriptor, &byte, 1) < 0 { throw SystemFailure("read") }
  }

  func seek() throws(SystemFailure) {
    if lseek(descriptor, 0, SEEK_END) < 0 { throw SystemFailure("lseek") }
  }

  func map() throws(SystemFailure) {
    let address = mmap(nil, pageSize, PROT_READ, MAP_SHARED, descriptor, 0)
    if address == MAP_FAILED { throw SystemFailure("mmap") }
  }
}
