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

extension MemoryKind {
  /// Memory of a ``TestHost``: of the source with a number.
  public static func test(
    _ number: Int = 0, keeping: Keeping = .pooledAndDeferred, node: MemoryNode = .any
  ) -> MemoryKind {
    MemoryKind(MemorySource(rawValue: UInt16(number)), node: node, keeping: keeping)
  }

  /// The number.
  public var number: Int { Int(source.rawValue) }
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

  /// A limit on charges.
  case chargeRefused
  /// More than a heap's largest buffer, or anything else that the core says is too much.
  case refused(Shortage)
  /// Fewer pages given back than these are of no use.
  case missing(Int)

  /// Whatever the core says is too little.
  public init(_ shortage: Shortage) { self = .refused(shortage) }

  /// Whether the caller is being killed.
  public var isInterruption: Bool { self == .interrupted }

  /// How much memory given back could help.
  public func relief(for asked: PageCount) -> Relief {
    switch self {
    case .outOfMemory, .outOfDescriptors: .about(asked)
    case .missing(let pages): .atLeast(PageCount(pages))
    case .refused(let shortage): shortage.relief
    case .interrupted, .impossible, .chargeRefused: .none
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
  /// Whom a buffer is charged to.
  public typealias Owner = TestOwner
  /// The host's lock.
  public typealias Lock = TestLock
  /// Why an allocation failed.
  public typealias Failure = TestFailure

  struct BlockRecord {
    var generation = 0
    var isAllocated = false
    var isZero = true
    var isSpoilt = false
    var next: TestBlock?
    var previous: TestBlock?
    var pool: PoolID?
    var size = PageCount.zero
    var kind = MemoryKind.test()
    var run: Range<Int>?
  }

  struct State {
    var freeBlocks: [Int]
    var counts = TestCounts()
    var log: [TestEvent]?
    var rule: TestRule?
    var releaseHook: (@Sendable (TestBlock) -> Void)?
    var collectHook: (@Sendable (PageCount) -> Bool)?
    var killCountdown: Int?
    var chargeLimit = Int.max
    var regions: [UInt16: RegionShare<TestHost>] = [:]
    var pinned: Set<Int> = []
  }

  let blocks: PlainArray<BlockRecord>
  let state: Locked<State, SpinLock>

  /// How many calls of ``relax()`` there were.
  let relaxations = Atomic<Int>(0)

  /// Whether allocating traps now.
  let isAllocationForbidden = Atomic<Bool>(false)

  /// The shard of threads that chose none.
  static let shard = ThreadLocal()

  /// The node of threads that chose none.
  static let node = ThreadLocal()

  let ownPageSize: PageSize
  let ownNodeCount: Int

  /// Makes a host whose blocks are all free.
  ///
  /// - Parameters:
  ///   - capacity: the most blocks there can be at once.
  ///   - pageSize: of its pages.
  ///   - nodeCount: nodes of its memory.
  public init(capacity: Int = 4096, pageSize: PageSize = PageSize(shift: 12), nodeCount: Int = 1) {
    ownPageSize = pageSize
    ownNodeCount = nodeCount
    blocks = PlainArray(count: capacity, repeating: BlockRecord())
    let all = Array((0..<capacity).reversed())
    state = Locked(State(freeBlocks: all))
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
  /// Pages charged and not uncharged.
  public var chargedPages = 0
  /// Charges made.
  public var charges = 0
  /// Times others could run.
  public var pauses = 0
  /// Pages zeroed or released since then, and the most that ever were.
  public var pagesSincePause = 0
  /// See ``pagesSincePause``.
  public var mostPagesWithoutPause = 0
  /// Times the worker was woken.
  public var wakes = 0

  /// Blocks allocated and not released.
  public var liveBlocks: Int { allocated - released }

  mutating func work(_ pages: Int) {
    pagesSincePause += pages
    mostPagesWithoutPause = max(mostPagesWithoutPause, pagesSincePause)
  }
}
