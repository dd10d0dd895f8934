// SPDX-License-Identifier: MIT

public import HeapFramework
public import PagePools
import Synchronization

/// One block of a ``TestHost``.
///
/// Each allocation counts as a new block, so that a handle kept for too long is noticed.
public struct TestBlock: Hashable, Sendable, BitwiseCopyable {
  /// Where the host keeps it.
  let index: Int
  /// Which use of that place this is.
  let generation: Int
}

/// One buffer object of a ``TestHost``.
public struct TestBuffer: Hashable, Sendable, BitwiseCopyable {
  let index: Int
  let generation: Int
}

/// What distinguishes pools of one block size here: a number.
public struct TestAttributes: Hashable, Sendable, BitwiseCopyable {
  /// The number.
  public let number: Int

  /// Attributes with a number.
  public init(_ number: Int = 0) {
    self.number = number
  }
}

/// Why a ``TestHost`` fails.
public enum TestFailure: AllocationFailure, Equatable {
  /// No memory (ENOMEM).
  case outOfMemory
  /// The caller is being killed (EINTR).
  case interrupted
  /// No descriptors (EMFILE).
  case outOfDescriptors
  /// Not to be had at all.
  case impossible

  /// Whether giving memory back could help.
  public var isRelievedByReclaim: Bool {
    switch self {
    case .outOfMemory, .outOfDescriptors: true
    case .interrupted, .impossible: false
    }
  }
}

/// A host without memory: blocks are entries of arrays, and every rule of the host's contract is
/// checked.
///
/// It traps when the core releases a block twice or uses a link slot that is not the core's, when
/// it calls the host with a lock held or takes locks out of order, and when it allocates where it
/// must not. Counts and a log of all that was asked of it are kept.
public final class TestHost: HeapHost {
  /// A handle to one block.
  public typealias Block = TestBlock
  /// A handle to one buffer object.
  public typealias Item = TestBuffer
  /// What distinguishes pools of one block size.
  public typealias Attributes = TestAttributes
  /// The host's lock.
  public typealias Lock = TestLock
  /// Why an allocation failed.
  public typealias Failure = TestFailure

  struct BlockRecord {
    var generation = 0
    var isAllocated = false
    var isZero = true
    var next: TestBlock?
    var pool: PagePool<TestHost>?
  }

  struct BufferRecord {
    var generation = 0
    var isLive = false
    var next: TestBuffer?
    var chain = BlockChain<TestHost>()
  }

  struct State {
    var freeBlocks: [Int]
    var freeBuffers: [Int]
    var counts = TestCounts()
    var log: [TestEvent]?
    var rule: TestRule?
    var releaseHook: (@Sendable (TestBlock) -> Void)?
    var killCountdown: Int?
    var returnHook: (@Sendable () -> Bool)?
  }

  let blocks: PlainArray<BlockRecord>
  let buffers: PlainArray<BufferRecord>
  let state: Locked<State, SpinLock>

  /// How many calls of ``relax()`` there were.
  let relaxations = Atomic<Int>(0)

  /// Whether allocating traps now.
  let isAllocationForbidden = Atomic<Bool>(false)

  /// The shard of threads that chose none.
  static let shard = ThreadLocal()

  /// Makes a host whose blocks are all free.
  ///
  /// - Parameter capacity: the most blocks, and the most buffers, there can be at once.
  public init(capacity: Int = 4096) {
    blocks = PlainArray(count: capacity, repeating: BlockRecord())
    buffers = PlainArray(count: capacity, repeating: BufferRecord())
    let all = Array((0..<capacity).reversed())
    state = Locked(State(freeBlocks: all, freeBuffers: all))
  }
}

/// An allocation that a ``TestHost`` is asked for.
public struct TestAttempt: Equatable, Sendable {
  /// Which one it is since the rule was set, from 1.
  public let number: Int
  /// Pages asked for.
  public let pages: Int
  /// Pages allocated already.
  public let livePages: Int
  /// How hard to try.
  public let effort: AllocationEffort
}

/// Decides whether an allocation fails, and why.
///
/// It is called with the host's own lock held.
public typealias TestRule = @Sendable (TestAttempt) -> TestFailure?

/// What a ``TestHost`` was asked to do, in order.
public enum TestEvent: Equatable, Sendable {
  /// A block of this many pages was asked for and given.
  case allocated(Int, AllocationEffort)
  /// A block of this many pages was asked for and refused.
  case refused(Int, AllocationEffort)
  /// A block of this many pages came back.
  case released(Int)
  /// A block of this many pages was zeroed.
  case zeroed(Int)
}

/// What a ``TestHost`` was asked to do, in numbers.
public struct TestCounts: Equatable, Sendable {
  /// Allocations tried since the rule was set.
  public var attempts = 0
  /// Blocks allocated.
  public var allocated = 0
  /// Blocks released.
  public var released = 0
  /// Blocks zeroed.
  public var zeroed = 0
  /// Pages allocated and not released.
  public var livePages = 0
  /// Buffers made and not dismantled.
  public var liveBuffers = 0
  /// Times the worker was woken.
  public var wakes = 0

  /// Blocks allocated and not released.
  public var liveBlocks: Int { allocated - released }
}
