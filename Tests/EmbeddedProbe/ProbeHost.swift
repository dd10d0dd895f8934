// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import Synchronization

/// Locks held now, so that the host can trap when the core calls out with one held.
let heldLocks = Atomic<Int>(0)

/// A lock for one thread: it traps where a spinlock would spin forever.
struct ProbeLock: ~Copyable, HostLock {
  private let isHeld = Atomic<Bool>(false)

  init(rank: Int) {}

  borrowing func withLock<R: ~Copyable, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    precondition(!isHeld.exchange(true, ordering: .acquiring), "deadlock: taken twice")
    heldLocks.add(1, ordering: .relaxed)
    defer {
      heldLocks.subtract(1, ordering: .relaxed)
      isHeld.store(false, ordering: .releasing)
    }
    return try body()
  }
}

/// Why the probe's host has no block to give.
enum ProbeFailure: AllocationFailure {
  case outOfMemory
  case interrupted

  init(_ shortage: Shortage) { self = .outOfMemory }

  var isInterruption: Bool { self == .interrupted }

  func relief(for asked: PageCount) -> Relief {
    self == .outOfMemory ? .about(asked) : .none
  }
}

/// A host of the smallest kind: blocks are runs of pages of a fixed array, a page is one word.
///
/// One thread uses it, which is what makes the shared mutable state sound.
final class ProbeHost: HeapHost, @unchecked Sendable {
  typealias Lock = ProbeLock
  typealias Failure = ProbeFailure
  /// The index of a block's first page.
  typealias Block = Int32
  /// A number.
  typealias Owner = Int32

  struct Page {
    var isTaken = false
    /// Stands for the page's bytes: 0 when they all are.
    var content: UInt64 = 0
    // Of a block's first page alone: P2 lets the links live in memory that the block has.
    var pool: PoolID?
    var size = PageCount.zero
    var next: Int32?
    var previous: Int32?
  }

  private var pages = StableArray<Page>(count: 1024) { _ in Page() }

  /// What memory of the kind ``PagePools/MemorySource/chunks`` comes from.
  var share: RegionShare<ProbeHost>?

  private(set) var takenPages = 0
  private(set) var sourceAllocations = 0
  private(set) var workerWakeUps = 0
  private(set) var chargedPages = 0
  var chargeLimit = Int.max
  var isCallerKilled = false
  var currentShard = 0

  func relax() {
    preconditionFailure("the only thread waits for another")
  }

  func letOthersRun() {
    precondition(heldLocks.load(ordering: .relaxed) == 0, "yielding with a lock held")
  }

  func wakeWorker() {
    workerWakeUps += 1
  }
}

// MARK: - Pages

extension ProbeHost {
  var pageSize: PageSize { PageSize(shift: 12) }

  func allocate(
    _ count: Int, for pool: PoolID, _ properties: PoolProperties, effort: AllocationEffort,
    into chain: inout BlockChain<ProbeHost>
  ) throws(ProbeFailure) {
    precondition(heldLocks.load(ordering: .relaxed) == 0, "allocating with a lock held")
    if properties.kind.source == .chunks, let share {
      return try share.allocate(
        count, of: properties.blockSize, into: &chain, on: self,
        makeBlock: { take($0, pool) }, forget: { release($0) })
    }
    var batch = BlockChain<ProbeHost>()
    for _ in 0..<count {
      do throws(ProbeFailure) {
        batch.append(try allocate(pool, properties), in: self)
      } catch {
        release(batch, properties)
        throw error
      }
    }
    chain.append(batch, in: self)
  }

  private func allocate(
    _ pool: PoolID, _ properties: PoolProperties
  ) throws(ProbeFailure) -> Int32 {
    let size = properties.blockSize.rawValue
    guard let first = firstFreeRun(of: size) else { throw .outOfMemory }
    return take(first..<first + size, pool)
  }

  private func take(_ run: Range<Int>, _ pool: PoolID) -> Int32 {
    for page in run {
      precondition(!pages[page].isTaken, "taken twice")
      pages[page].isTaken = true
      pages[page].content = 0
    }
    pages[run.lowerBound].pool = pool
    pages[run.lowerBound].size = PageCount(run.count)
    takenPages += run.count
    sourceAllocations += 1
    return Int32(run.lowerBound)
  }

  private func firstFreeRun(of size: Int) -> Int? {
    var run = 0
    for page in 0..<pages.count {
      run = pages[page].isTaken ? 0 : run + 1
      if run == size { return page + 1 - size }
    }
    return nil
  }

  func release(_ blocks: consuming BlockChain<ProbeHost>, _ properties: PoolProperties) {
    precondition(heldLocks.load(ordering: .relaxed) == 0, "releasing with a lock held")
    while let block = blocks.pop(in: self) {
      if properties.kind.source == .chunks, let share {
        share.region.give(release(block))
      } else {
        precondition(size(of: block) == properties.blockSize, "a batch has blocks of two pools")
        _ = release(block)
      }
    }
  }

  private func release(_ block: Int32) -> Range<Int> {
    let range = range(of: block)
    for page in range {
      precondition(pages[page].isTaken, "released twice")
      pages[page].isTaken = false
      takenPages -= 1
    }
    pages[Int(block)].pool = nil
    return range
  }

  func zero(_ block: Int32, _ properties: PoolProperties) -> Bool {
    precondition(heldLocks.load(ordering: .relaxed) == 0, "zeroing with a lock held")
    for page in range(of: block) { pages[page].content = 0 }
    return true
  }

  /// What a client does with a block: every page gets content.
  func write(_ blocks: BlockChain<ProbeHost>) {
    var next = blocks.front
    while let block = next {
      write(block)
      next = self.next(after: block)
    }
  }

  func write(_ block: Int32) {
    for page in range(of: block) { pages[page].content = 0x5A5A_5A5A_5A5A_5A5A }
  }

  func isZero(_ blocks: BlockChain<ProbeHost>) -> Bool {
    var next = blocks.front
    while let block = next {
      guard isZero(block) else { return false }
      next = self.next(after: block)
    }
    return true
  }

  func isZero(_ block: Int32) -> Bool {
    for page in range(of: block) where pages[page].content != 0 { return false }
    return true
  }

  private func range(of block: Int32) -> Range<Int> {
    Int(block)..<(Int(block) + size(of: block).rawValue)
  }

  func pool(of block: Int32) -> PoolID {
    guard let pool = pages[Int(block)].pool else { preconditionFailure("not a block") }
    return pool
  }

  func size(of block: Int32) -> PageCount { pages[Int(block)].size }

  func next(after block: Int32) -> Int32? { pages[Int(block)].next }

  func setNext(_ next: Int32?, after block: Int32) { pages[Int(block)].next = next }

  func previous(before block: Int32) -> Int32? { pages[Int(block)].previous }

  func setPrevious(_ previous: Int32?, before block: Int32) {
    pages[Int(block)].previous = previous
  }
}

// MARK: - Relief

extension ProbeHost {
  func canRelieve(_ failure: ProbeFailure, _ wanted: MemoryKind, with kind: MemoryKind) -> Bool {
    true
  }
}

// MARK: - Charges

extension ProbeHost {
  func charge(_ pages: PageCount) throws(ProbeFailure) -> Int32 {
    guard chargedPages + pages.rawValue <= chargeLimit else {
      throw ProbeFailure(Shortage(of: pages, .totalLimit(PageCount(chargeLimit), held: .zero)))
    }
    chargedPages += pages.rawValue
    return 7
  }

  func uncharge(_ pages: PageCount, _ owner: Int32) {
    precondition(owner == 7, "nobody was charged so")
    chargedPages -= pages.rawValue
  }

  func collectReturned(atMost limit: PageCount) -> Bool { false }
}

// MARK: - Kinds of memory

extension MemorySource {
  static var pages: MemorySource { MemorySource(rawValue: 0) }
  static var runs: MemorySource { MemorySource(rawValue: 1) }
  static var pairs: MemorySource { MemorySource(rawValue: 2) }
  static var chunks: MemorySource { MemorySource(rawValue: 3) }
}

/// A machine without memory.
struct ProbeMachine: Machine {
  typealias Lock = ProbeLock

  var currentShard: Int { 0 }
  var isCallerKilled: Bool { false }

  func letOthersRun() {}

  func relax() {
    preconditionFailure("the only thread waits for another")
  }
}
