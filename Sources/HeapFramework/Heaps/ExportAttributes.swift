// SPDX-License-Identifier: MIT

public import PagePools

/// What the buffer operations of a host must know of memory that they map: they are told, and decide
/// nothing.
@frozen
public struct ExportAttributes: Equatable, Sendable, BitwiseCopyable {
  /// How mappings of processes and of the kernel treat the CPU's caches.
  public let caching: Caching

  /// Whether caches are to be written back and dropped around accesses of devices (H4).
  ///
  /// Memory that is
  /// never in a cache needs none.
  public let needsCacheMaintenance: Bool

  /// What memory of a kind needs.
  @inlinable
  public init(for kind: MemoryKind) {
    caching = kind.caching
    needsCacheMaintenance = kind.caching == .cached
  }
}

/// A way to reach a buffer's memory, and whether what goes that way can write it (S4).
@frozen
public enum BufferAccess: Equatable, Sendable, BitwiseCopyable {
  /// A mapping of a process, which may be writable or become so.
  case processMapping(canBecomeWritable: Bool)
  /// A mapping of a device that reads, writes, or both.
  case deviceMapping(deviceWrites: Bool)
  /// A mapping of the kernel, of which nobody tells what is done with it.
  case kernelMapping

  /// Whether the buffer must be zeroed before anybody else has it.
  @inlinable
  public var canWrite: Bool {
    switch self {
    case .processMapping(let canBecomeWritable): canBecomeWritable
    case .deviceMapping(let deviceWrites): deviceWrites
    case .kernelMapping: true
    }
  }
}
