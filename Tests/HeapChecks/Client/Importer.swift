// SPDX-License-Identifier: MIT

import CHeapChecks
import CLinuxShims
import Glibc

/// A driver that imports one buffer, by way of the module in `VM/importer`; closed by name, because checks depend
/// on when.
final class Importer {
  static let path = "/dev/importer"

  enum Device: UInt32 {
    /// See memory itself.
    case plain
    case plainOther
    /// See a copy that only mapping, unmapping and syncing bring up to date.
    case copying
    case copyingOther
    /// QEMU's bus master.
    case edu
  }

  enum Direction: UInt32, CaseIterable {
    case both
    case toDevice
    case fromDevice
  }

  /// How often a copying device was synced, in all its life.
  struct Syncs: Equatable {
    let forCPU: Int
    let forDevice: Int
    /// Of what was not mapped.
    let stray: Int
  }

  /// By their numbers in `importer.h`.
  private enum Operation: UInt32 {
    case get
    case attach
    case detach
    case map
    case unmap
    case deviceRead
    case deviceWrite
    case locate
    case counts
    case kernelMap
    case kernelUnmap
    case kernelRead
    case kernelWrite
    case begin
    case end
  }

  private var descriptor: Int32

  /// An importer that has no buffer yet.
  init() throws {
    guard TextFile.exists(Self.path) else { throw CheckSkipped(reason: "there is no \(Self.path)") }
    descriptor = shim_open(Self.path, O_RDWR | O_CLOEXEC)
    if descriptor < 0 { throw SystemFailure("open \(Self.path)") }
  }

  convenience init(_ buffer: DMABuffer) throws {
    try self.init()
    try get(buffer.descriptor)
  }

  deinit {
    close()
  }

  /// Gives back all it holds, in the order a driver would.
  func close() {
    if descriptor >= 0 { _ = Glibc.close(descriptor) }
    descriptor = -1
  }

  func get(_ buffer: Int32) throws(SystemFailure) {
    try send(.get, importer_request(descriptor: buffer))
  }

  func attach(_ device: Device) throws(SystemFailure) {
    try send(.attach, importer_request(device))
  }

  func detach(_ device: Device) throws(SystemFailure) {
    try send(.detach, importer_request(device))
  }

  /// - Returns: the entries of the scatter list.
  @discardableResult
  func map(
    _ device: Device, _ direction: Direction, fails: Bool = false
  ) throws(SystemFailure) -> Int {
    var request = importer_request(device)
    request.direction = direction.rawValue
    request.fails = fails ? 1 : 0
    return Int(try send(.map, request).entries)
  }

  func unmap(_ device: Device) throws(SystemFailure) {
    try send(.unmap, importer_request(device))
  }

  /// What the device has at `offset`, by its own addresses.
  func read(_ device: Device, _ byteCount: Int, at offset: Int = 0) throws(SystemFailure) -> [UInt8]
  {
    try read(.deviceRead, device, byteCount, offset)
  }

  /// The device writes at `offset`, by its own addresses.
  func write(_ device: Device, _ bytes: [UInt8], at offset: Int = 0) throws(SystemFailure) {
    try write(.deviceWrite, device, bytes, offset)
  }

  /// Where in the machine's memory the byte at `offset` is.
  func locate(_ device: Device, _ offset: Int) throws(SystemFailure) -> UInt64 {
    var request = importer_request(device)
    request.offset = UInt64(offset)
    return try send(.locate, request).address
  }

  func syncs(_ device: Device) throws(SystemFailure) -> Syncs {
    let counts = try send(.counts, importer_request(device))
    return Syncs(
      forCPU: Int(counts.syncs_for_cpu), forDevice: Int(counts.syncs_for_device),
      stray: Int(counts.stray_syncs))
  }

  /// Maps the buffer for the kernel; each mapping wants its own end.
  ///
  /// - Returns: the address.
  @discardableResult
  func mapForKernel() throws(SystemFailure) -> UInt64 {
    try send(.kernelMap, importer_request()).address
  }

  func unmapForKernel() throws(SystemFailure) {
    try send(.kernelUnmap, importer_request())
  }

  func readThroughKernel(_ byteCount: Int, at offset: Int = 0) throws(SystemFailure) -> [UInt8] {
    try read(.kernelRead, .plain, byteCount, offset)
  }

  func writeThroughKernel(_ bytes: [UInt8], at offset: Int = 0) throws(SystemFailure) {
    try write(.kernelWrite, .plain, bytes, offset)
  }

  /// Access by the CPU, begun and ended as a driver does.
  func begin(_ direction: Direction) throws(SystemFailure) {
    var request = importer_request()
    request.direction = direction.rawValue
    try send(.begin, request)
  }

  func end(_ direction: Direction) throws(SystemFailure) {
    var request = importer_request()
    request.direction = direction.rawValue
    try send(.end, request)
  }

  private func read(
    _ operation: Operation, _ device: Device, _ byteCount: Int, _ offset: Int
  ) throws(SystemFailure) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    try transfer(operation, device, &bytes, offset)
    return bytes
  }

  private func write(
    _ operation: Operation, _ device: Device, _ bytes: [UInt8], _ offset: Int
  ) throws(SystemFailure) {
    var bytes = bytes
    try transfer(operation, device, &bytes, offset)
  }

  private func transfer(
    _ operation: Operation, _ device: Device, _ bytes: inout [UInt8], _ offset: Int
  ) throws(SystemFailure) {
    var request = importer_request(device)
    request.offset = UInt64(offset)
    request.length = UInt64(bytes.count)
    let failure = bytes.withUnsafeMutableBytes { bytes -> SystemFailure? in
      request.memory = UInt64(UInt(bitPattern: bytes.baseAddress))
      do throws(SystemFailure) { try send(operation, request) } catch { return error }
      return nil
    }
    if let failure { throw failure }
  }

  @discardableResult
  private func send(
    _ operation: Operation, _ request: importer_request
  ) throws(SystemFailure) -> importer_request {
    var request = request
    if checks_ioctl(descriptor, checks_importer_command(operation.rawValue), &request) != 0 {
      throw SystemFailure("importer, \(operation)")
    }
    return request
  }
}

extension importer_request {
  fileprivate init(_ device: Importer.Device) {
    self.init()
    self.device = device.rawValue
  }

  fileprivate init(descriptor: Int32) {
    self.init()
    self.descriptor = descriptor
  }
}
