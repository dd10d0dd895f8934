// SPDX-License-Identifier: MIT

/// Where blocks come from and where they go back to: what a host brings to the pools.
///
/// The core is generic over a source and specialised for it at compile time. It never looks inside
/// a block; it keeps free blocks on lists whose links live in memory the block already has (P2), or
/// in a record of the host's where a block has none of its own that the CPU may write.
public protocol PageSource: Machine {
  /// A handle to one block: a pointer or an index, trivially copied.
  associatedtype Block: BitwiseCopyable & Sendable & Equatable

  /// Why an allocation failed, as the host knows it.
  associatedtype Failure: AllocationFailure

  /// How large a page is here.
  var pageSize: PageSize { get }

  /// Gets `count` blocks of a pool, zeroed, or none.
  ///
  /// Memory that is not pooled may come in fewer blocks of the same pages in all, each as long as several.
  ///
  /// - Parameters:
  ///   - count: 1 or more.
  ///   - pool: what ``pool(of:)`` is to answer for each of them.
  ///   - properties: their size and kind.
  ///   - chain: where they are appended.
  /// - Throws: the host's reason; then nothing is left behind, and the chain is as it was.
  /// - Context: no lock held; may block if `effort` allows it.
  func allocate(
    _ count: Int, for pool: PoolID, _ properties: PoolProperties, effort: AllocationEffort,
    into chain: inout BlockChain<Self>
  ) throws(Failure)

  /// Gives the memory of blocks of one pool back to whoever it came from. It need not be zeroed, unless its kind is
  /// kept zeroed.
  ///
  /// - Context: no lock held; must not allocate (a shrinker may be calling); may block.
  func release(_ blocks: consuming BlockChain<Self>, _ properties: PoolProperties)

  /// Fills a block with zeroes, and lets others run every 1 MiB.
  ///
  /// - Returns: false when the block cannot serve anybody any more, because a client spoilt what it
  ///   stands in or its memory is faulty; it then goes back to its source instead of to a pool.
  /// - Context: no lock held; may block.
  func zero(_ block: Block, _ properties: PoolProperties) -> Bool

  /// The pool that `block` was allocated for, which is the one it is given to.
  ///
  /// - Context: called with a lock held; a plain load.
  func pool(of block: Block) -> PoolID

  /// Pages in `block`.
  ///
  /// - Context: called with a lock held; a plain load.
  func size(of block: Block) -> PageCount

  /// The link slots of `block`: what was stored last. They are the core's from `allocate` to `release`.
  ///
  /// - Context: called with a lock held; plain loads and stores.
  func next(after block: Block) -> Block?
  /// See ``next(after:)``.
  func setNext(_ next: Block?, after block: Block)
  /// See ``next(after:)``. Used while the block is in a pool.
  func previous(before block: Block) -> Block?
  /// See ``next(after:)``.
  func setPrevious(_ previous: Block?, before block: Block)

  /// Whether giving back memory of a kind could make a request succeed that failed (U4).
  ///
  /// - Parameters:
  ///   - kind: of memory that waits or is pooled.
  ///   - wanted: of the memory that was asked for.
  /// - Context: called with a lock held; does not block.
  func canRelieve(_ failure: Failure, _ wanted: MemoryKind, with kind: MemoryKind) -> Bool

  /// How many nodes the machine's memory has: 1 or more.
  var nodeCount: Int { get }

  /// The node nearest to the calling thread, in 0..<``nodeCount``.
  var currentNode: Int { get }

  /// Tells whoever traces what happened to memory. Nothing unless the host does something about it.
  ///
  /// - Context: no lock held; does not block.
  func trace(_ event: PoolEvent, _ kind: MemoryKind, _ pages: PageCount)
}

extension PageSource {
  /// One node.
  @inlinable public var nodeCount: Int { 1 }

  /// The only node.
  @inlinable public var currentNode: Int { 0 }

  /// Nobody traces.
  @inlinable public func trace(_ event: PoolEvent, _ kind: MemoryKind, _ pages: PageCount) {}

  /// Frees a block that is in nobody's account any more.
  @inlinable
  func release(_ block: Block, _ properties: PoolProperties) {
    release(BlockChain(block, in: self), properties)
  }
}

/// How hard a source may try; each level includes those before it.
@frozen
public enum AllocationEffort: UInt8, Comparable, Sendable, BitwiseCopyable {
  /// Take what is free; wake nobody.
  case none
  /// Let the system begin to reclaim in the background.
  case background
  /// Reclaim, once.
  case direct
  /// Do whatever an allocation normally does, short of ending processes.
  case full

  /// Whether one level tries less than the other.
  @inlinable
  public static func < (left: AllocationEffort, right: AllocationEffort) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// What the core must know of a host's reasons for failing.
public protocol AllocationFailure: Error, Sendable {
  /// There is not enough of something (ENOMEM).
  init(_ shortage: Shortage)

  /// The caller is being killed and must stop (EINTR).
  static var interrupted: Self { get }

  /// Whether this is what ``interrupted`` is.
  var isInterruption: Bool { get }

  /// How much memory given back could make a request for `asked` pages succeed.
  func relief(for asked: PageCount) -> Relief
}

/// How much memory given back could make a request succeed that failed (U4).
@frozen
public enum Relief: Equatable, Sendable, BitwiseCopyable {
  /// None: the request is impossible, or its caller is being killed.
  case none
  /// So many pages may do, and fewer may do, too.
  case about(PageCount)
  /// Fewer pages than that are of no use.
  case atLeast(PageCount)
}

/// What there is not enough of: what an error is to say (ENOMEM).
@frozen
public struct Shortage: Equatable, Sendable, BitwiseCopyable {
  /// Pages that were asked for.
  public let asked: PageCount

  /// What is in the way.
  public let reason: Reason

  /// Not enough for `asked` pages.
  @inlinable
  public init(of asked: PageCount, _ reason: Reason) {
    self.asked = asked
    self.reason = reason
  }

  /// What memory given back could do about it.
  ///
  /// Where a region is in pieces any of its pages may be what is missing, so all that is in stock goes back (D6).
  @inlinable
  public var relief: Relief {
    if case .fragmented = reason { .about(PageCount(Int.max)) } else { .none }
  }

  /// What is in the way of a request.
  @frozen
  public enum Reason: Equatable, Sendable, BitwiseCopyable {
    /// The source has no more.
    case source
    /// No buffer can be so large; this many pages can be.
    case largestBuffer(PageCount)
    /// So many pages are free, but the longest run of them is shorter than what was asked for (C1).
    case fragmented(free: PageCount, largestRun: PageCount)
    /// A limit for all clients together (A3).
    case totalLimit(PageCount, held: PageCount)
    /// A limit for each client, of which this one holds so much (A3).
    case clientLimit(PageCount, holder: UInt32, held: PageCount)
  }
}

/// What can happen to memory on its way, for whoever traces.
@frozen
public enum PoolEvent: UInt8, Sendable, BitwiseCopyable {
  /// A request found it in its pool.
  case hit
  /// A request had to get it from the source.
  case miss
  /// It waits to be freed.
  case deferred
  /// It was zeroed.
  case zeroed
  /// It went back to its source because memory is short, a limit was reached, or nobody used it.
  case shrunk
  /// It was made ahead of demand.
  case refilled
}
