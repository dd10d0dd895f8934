// SPDX-License-Identifier: MIT

/// Where blocks come from and where they go back to: what a host brings to the pools.
///
/// The core is generic over a source and specialised for it at compile time. It never looks inside
/// a block; it keeps free blocks on lists whose links live in memory the block already has (P2).
public protocol PageSource: Sendable {
  /// A handle to one block: a pointer or an index, trivially copied.
  associatedtype Block: BitwiseCopyable & Sendable & Equatable

  /// What distinguishes pools of one block size: caching, address range, kind of memory.
  associatedtype Attributes: BitwiseCopyable & Sendable & Equatable

  /// The host's lock.
  associatedtype Lock: HostLock & ~Copyable

  /// Why an allocation failed, as the host knows it.
  associatedtype Failure: AllocationFailure

  /// Gets one block of the pool's size and attributes, zeroed.
  ///
  /// - Throws: the host's reason; then nothing is left behind.
  /// - Context: no lock held; may block when `effort` is `.full`.
  func allocate(
    for pool: PagePool<Self>, effort: AllocationEffort
  ) throws(Failure) -> Block

  /// Gives a block's memory back to whoever it came from. It need not be zeroed.
  ///
  /// - Context: no lock held; must not allocate (a shrinker may be calling); may block.
  func release(_ block: Block)

  /// Fills a block with zeroes.
  ///
  /// - Returns: false when that is not possible any more, because a client spoilt what the block
  ///   stands in; the block then goes back to its source instead of to a pool.
  /// - Context: no lock held; may block.
  func zero(_ block: Block) -> Bool

  /// The pool that `block` was allocated for, which is the one it is given to.
  ///
  /// - Context: called with a lock held; a plain load.
  func pool(of block: Block) -> PagePool<Self>

  /// The link slot of `block`: what ``setNext(_:after:)`` stored last.
  ///
  /// - Context: called with a lock held; a plain load.
  func next(after block: Block) -> Block?

  /// Stores into the link slot of `block`. The slot belongs to the core from `allocate` to
  /// `release`.
  ///
  /// - Context: called with a lock held; a plain store.
  func setNext(_ next: Block?, after block: Block)

  /// Which shard the calling thread should use: any number, best its CPU's.
  ///
  /// - Complexity: O(1), a few nanoseconds: every give and take asks.
  var currentShard: Int { get }

  /// Lets other threads run while the caller waits for one of them.
  ///
  /// - Context: no lock held; may block.
  func relax()
}

extension PageSource {
  /// Which of `count` shards the calling thread should use first.
  ///
  /// - Parameter count: 1 or more.
  @inlinable
  public func homeShard(of count: Int) -> Int {
    let hint = currentShard
    return hint >= 0 && hint < count ? hint : abs(hint % count)
  }
}

/// How hard a source may try.
@frozen
public enum AllocationEffort: Sendable, BitwiseCopyable {
  /// Fail rather than reclaim or retry: a smaller block will do (orders above 0, S1).
  case light

  /// Do whatever an allocation normally does.
  case full
}

/// What the core must know of a host's reasons for failing.
public protocol AllocationFailure: Error, Sendable {
  /// There is no memory (ENOMEM).
  static var outOfMemory: Self { get }

  /// The caller is being killed and must stop (EINTR).
  static var interrupted: Self { get }

  /// Whether giving back pooled and deferred memory could make the same request succeed (D6).
  /// Memory and descriptors can be given back; an interrupted or impossible request cannot be helped.
  var isRelievedByReclaim: Bool { get }
}
