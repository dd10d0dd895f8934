// SPDX-License-Identifier: MIT

/// What memory is like, apart from how it is cut into blocks.
///
/// Two pools of one block size differ in this. A host defines the kinds that it has; the core acts on
/// ``keeping`` and ``node``, and compares the rest.
@frozen
public struct MemoryKind: Equatable, Sendable, BitwiseCopyable {
  /// Where the host gets it.
  public var source: MemorySource

  /// How the CPU's caches treat it.
  public var caching: Caching

  /// Which addresses it may have.
  public var addressRange: AddressRange

  /// The node of a machine with several that it is from.
  public var node: MemoryNode

  /// What becomes of it when it is freed.
  public var keeping: Keeping

  /// Memory of a source; unless said otherwise cached, anywhere, pooled, deferred and counted.
  @inlinable
  public init(
    _ source: MemorySource, caching: Caching = .cached, addressRange: AddressRange = .any,
    node: MemoryNode = .any, keeping: Keeping = .pooledAndDeferred
  ) {
    self.source = source
    self.caching = caching
    self.addressRange = addressRange
    self.node = node
    self.keeping = keeping
  }
}

/// One of a host's sources of memory: its page allocator, a region, a device.
///
/// The number is the host's.
@frozen
public struct MemorySource: RawRepresentable, Equatable, Sendable, BitwiseCopyable {
  /// The host's number.
  public let rawValue: UInt16

  /// The source with a number.
  @inlinable
  public init(rawValue: UInt16) {
    self.rawValue = rawValue
  }
}

/// How the CPU's caches treat memory (G1).
@frozen
public enum Caching: UInt8, Sendable, BitwiseCopyable {
  /// As all ordinary memory.
  case cached
  /// Written past the caches, in bursts.
  case writeCombined
  /// Neither read nor written through the caches.
  case uncached
}

/// Which addresses memory may have (G1).
@frozen
public enum AddressRange: UInt8, Sendable, BitwiseCopyable {
  /// Any.
  case any
  /// Those that a device with 32 address lines reaches.
  case below4GiB
}

/// A node of a machine whose memory is nearer to some CPUs than to others.
@frozen
public struct MemoryNode: RawRepresentable, Equatable, Sendable, BitwiseCopyable {
  /// The node's number, 0 or more; negative for any.
  public let rawValue: Int16

  /// The node with a number.
  @inlinable
  public init(rawValue: Int16) {
    self.rawValue = rawValue
  }

  /// Memory of any node.
  @inlinable
  public static var any: MemoryNode { MemoryNode(rawValue: -1) }

  /// Whether memory of this node is wanted where memory of `other` is: the same, or either is any.
  @inlinable
  public func matches(_ other: MemoryNode) -> Bool {
    self == other || rawValue < 0 || other.rawValue < 0
  }
}

/// What becomes of memory that is freed, and whose it is to count.
@frozen
public struct Keeping: OptionSet, Sendable, BitwiseCopyable {
  /// The options' bits.
  public let rawValue: UInt8

  /// Options from their bits.
  @inlinable
  public init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  /// Freed blocks go to their pool; without, they go back to their source at once (D6).
  @inlinable public static var pooled: Keeping { Keeping(rawValue: 1) }

  /// Large freed memory waits for the worker; without, whoever frees it does the work (D6).
  @inlinable public static var deferred: Keeping { Keeping(rawValue: 2) }

  /// Pooled blocks count in the limit of all pools, and the shrinker may take them.
  ///
  /// Memory that is set aside anyway must not: giving it back helps nobody else.
  @inlinable public static var counted: Keeping { Keeping(rawValue: 4) }

  /// Each pooled block holds, besides its memory, one of something that is scarce, such as a descriptor: it
  /// counts as one in ``PoolSet/blockLimit``.
  @inlinable public static var countedByBlock: Keeping { Keeping(rawValue: 8) }

  /// Its source has zeroed memory only.
  ///
  /// What may have been written is zeroed by whoever frees it, before it goes back. For memory that is not deferred.
  @inlinable public static var keptZeroed: Keeping { Keeping(rawValue: 16) }

  /// Its pools have only what is got ahead of demand (P9): freed blocks go back to their source all the same.
  ///
  /// For limited memory that takes long to get. A request of the same source that fails has what is in stock back
  /// there.
  @inlinable public static var stocked: Keeping { Keeping(rawValue: 32) }

  /// Ordinary memory.
  @inlinable public static var pooledAndDeferred: Keeping { [.pooled, .deferred, .counted] }

  /// Limited memory, which the next request may need whole (D6).
  @inlinable public static var returnedAtOnce: Keeping { [] }
}
