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

  var isRelievedByReclaim: Bool { self == .outOfMemory }
}

/// A host of the smallest kind: blocks are runs of pages of a fixed array, a page is one word.
///
/// One thread uses it, which is what makes the shared mutable state sound.
final class ProbeHost: HeapHost, @unchecked Sendable {
  typealias Lock = ProbeLock
  typealias Failure = ProbeFailure
  typealias Attributes = UInt8
  /// The index of a block's first page.
  typealias Block = Int32
  /// An index into ``buffers``.
  typealias Item = Int32

  struct Page {
    var isTaken = false
    /// Stands for the page's bytes: 0 when they all are.
    var content: UInt64 = 0
    // Of a block's first page alone: P2 lets the link live in memory that the block has.
    var pool: PagePool<ProbeHost>?
    var next: Int32?
  }

  struct BufferSlot {
    var blocks: BlockChain<ProbeHost>?
    var next: Int32?
  }

  private var pages = StableArray<Page>(count: 1024) { _ in Page() }
  private var buffers = StableArray<BufferSlot>(count: 8) { _ in BufferSlot() }

  private(set) var takenPages = 0
  private(set) var sourceAllocations = 0
  private(set) var workerWakeUps = 0
  var isCallerKilled = false
  var currentShard = 0

  func relax() {
    preconditionFailure("the only thread waits for another")
  }

  func wakeDeferredFreeWorker() {
    workerWakeUps += 1
  }
}

// MARK: - Pages

extension ProbeHost {
  func allocate(
    for pool: PagePool<ProbeHost>, effort: AllocationEffort
  ) throws(ProbeFailure) -> Int32 {
    precondition(heldLocks.load(ordering: .relaxed) == 0, "allocating with a lock held")
    let size = pool.blockSize.rawValue
    guard let first = firstFreeRun(of: size) else { throw .outOfMemory }
    for page in first..<(first + size) {
      pages[page].isTaken = true
      pages[page].content = 0
    }
    pages[first].pool = pool
    takenPages += size
    sourceAllocations += 1
    return Int32(first)
  }

  private func firstFreeRun(of size: Int) -> Int? {
    var run = 0
    for page in 0..<pages.count {
      run = pages[page].isTaken ? 0 : run + 1
      if run == size { return page + 1 - size }
    }
    return nil
  }

  func release(_ block: Int32) {
    precondition(heldLocks.load(ordering: .relaxed) == 0, "releasing with a lock held")
    for page in range(of: block) {
      precondition(pages[page].isTaken, "released twice")
      pages[page].isTaken = false
      takenPages -= 1
    }
    pages[Int(block)].pool = nil
  }

  func zero(_ block: Int32) -> Bool {
    precondition(heldLocks.load(ordering: .relaxed) == 0, "zeroing with a lock held")
    for page in range(of: block) { pages[page].content = 0 }
    return true
  }

  /// What a client does with a block: every page gets content.
  func write(_ block: Int32) {
    for page in range(of: block) { pages[page].content = 0x5A5A_5A5A_5A5A_5A5A }
  }

  func isZero(_ block: Int32) -> Bool {
    for page in range(of: block) where pages[page].content != 0 { return false }
    return true
  }

  private func range(of block: Int32) -> Range<Int> {
    Int(block)..<(Int(block) + pool(of: block).blockSize.rawValue)
  }

  func pool(of block: Int32) -> PagePool<ProbeHost> {
    guard let pool = pages[Int(block)].pool else { preconditionFailure("not a block") }
    return pool
  }

  func next(after block: Int32) -> Int32? { pages[Int(block)].next }

  func setNext(_ next: Int32?, after block: Int32) { pages[Int(block)].next = next }
}

// MARK: - Buffers

extension ProbeHost {
  func makeBuffer(_ blocks: BlockChain<ProbeHost>) -> Int32 {
    for slot in 0..<buffers.count where buffers[slot].blocks == nil {
      buffers[slot].blocks = blocks
      return Int32(slot)
    }
    preconditionFailure("more buffers than the probe needs")
  }

  func blocks(of buffer: Int32) -> BlockChain<ProbeHost> {
    guard let blocks = buffers[Int(buffer)].blocks else { preconditionFailure("not a buffer") }
    return blocks
  }

  func collectReturned() -> Bool { false }

  func dismantle(_ buffer: Int32) -> BlockChain<ProbeHost> {
    precondition(heldLocks.load(ordering: .relaxed) == 0, "dismantling with a lock held")
    let blocks = blocks(of: buffer)
    buffers[Int(buffer)] = BufferSlot()
    return blocks
  }

  func deferredSize(of buffer: Int32) -> PageCount { blocks(of: buffer).pages }

  func nextDeferred(after buffer: Int32) -> Int32? { buffers[Int(buffer)].next }

  func setNextDeferred(_ next: Int32?, after buffer: Int32) { buffers[Int(buffer)].next = next }
}
