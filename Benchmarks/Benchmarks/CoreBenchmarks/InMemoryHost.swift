// SPDX-License-Identifier: MIT

import CBenchmarkShims
import Glibc
import PagePools
import Synchronization

/// The host's lock: the standard library's mutex, the same that guards the baseline's array.
struct FutexLock: ~Copyable, HostLock {
  private let mutex = Mutex<Void>(())

  init(rank: Int) {}

  @inline(always)
  borrowing func withLock<R: ~Copyable, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    // `Mutex.withLock` asks for a `sending` result, which state guarded beside the mutex is not.
    mutex._unsafeLock()
    defer { mutex._unsafeUnlock() }
    return try body()
  }
}

/// Why the benchmarks' host fails: its array is used up.
enum InMemoryFailure: AllocationFailure {
  case outOfMemory
  case interrupted

  init(_ shortage: Shortage) { self = .outOfMemory }

  var isInterruption: Bool { self == .interrupted }

  func relief(for asked: PageCount) -> Relief {
    self == .outOfMemory ? .about(asked) : .none
  }
}

/// One entry of the benchmarks' host, and the block that it stands for.
@safe
struct InMemoryBlock: BitwiseCopyable, Equatable, @unchecked Sendable {
  struct Entry {
    var pool: PoolID?
    var size = PageCount.zero
    var next: InMemoryBlock?
    var previous: InMemoryBlock?
  }

  // Whoever holds the block may touch its entry; the core's locks say who that is.
  let entry: UnsafeMutablePointer<Entry>

  static func == (left: InMemoryBlock, right: InMemoryBlock) -> Bool {
    unsafe left.entry == right.entry
  }
}

/// A source of blocks that are entries of one array, so that what is measured is the core alone.
final class InMemoryHost: PageSource, Sendable {
  typealias Block = InMemoryBlock
  typealias Lock = FutexLock
  typealias Failure = InMemoryFailure

  private let free: Locked<InMemoryBlock?, FutexLock>
  private let fixedShard = Atomic<Int>(-1)

  /// Makes `blockCount` blocks; they live as long as the program.
  init(blockCount: Int) {
    let entries = UnsafeMutablePointer<InMemoryBlock.Entry>.allocate(capacity: blockCount)
    unsafe entries.initialize(repeating: InMemoryBlock.Entry(), count: blockCount)
    var first: InMemoryBlock?
    for index in 0..<blockCount {
      let block = unsafe InMemoryBlock(entry: entries + index)
      unsafe block.entry.pointee.next = first
      first = block
    }
    free = Locked(first)
  }

  /// Which shard all threads use; nil: their CPU's.
  var homeShard: Int? {
    get { fixedShard.load(ordering: .relaxed) < 0 ? nil : fixedShard.load(ordering: .relaxed) }
    set { fixedShard.store(newValue ?? -1, ordering: .relaxed) }
  }

  var currentShard: Int {
    let fixed = fixedShard.load(ordering: .relaxed)
    return fixed >= 0 ? fixed : Int(dma_heaps_current_cpu())
  }

  var pageSize: PageSize { PageSize(shift: 12) }

  func allocate(
    _ count: Int, for pool: PoolID, _ properties: PoolProperties, effort: AllocationEffort,
    into chain: inout BlockChain<InMemoryHost>
  ) throws(InMemoryFailure) {
    var batch = BlockChain<InMemoryHost>()
    for _ in 0..<count {
      do throws(InMemoryFailure) {
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
  ) throws(InMemoryFailure) -> InMemoryBlock {
    let taken = free.withLock { first in
      let block = first
      if let block { first = unsafe block.entry.pointee.next }
      return block
    }
    guard let taken else { throw .outOfMemory }
    unsafe taken.entry.pointee.pool = pool
    unsafe taken.entry.pointee.size = properties.blockSize
    return taken
  }

  func release(_ blocks: consuming BlockChain<InMemoryHost>, _ properties: PoolProperties) {
    while let block = blocks.pop(in: self) { release(block) }
  }

  private func release(_ block: InMemoryBlock) {
    free.withLock { first in
      unsafe block.entry.pointee.next = first
      first = block
    }
  }

  func zero(_ block: InMemoryBlock, _ properties: PoolProperties) -> Bool { true }

  func pool(of block: InMemoryBlock) -> PoolID {
    guard let pool = unsafe block.entry.pointee.pool else { preconditionFailure("not allocated") }
    return pool
  }

  func size(of block: InMemoryBlock) -> PageCount { unsafe block.entry.pointee.size }

  func next(after block: InMemoryBlock) -> InMemoryBlock? { unsafe block.entry.pointee.next }

  func setNext(_ next: InMemoryBlock?, after block: InMemoryBlock) {
    unsafe block.entry.pointee.next = next
  }

  func previous(before block: InMemoryBlock) -> InMemoryBlock? {
    unsafe block.entry.pointee.previous
  }

  func setPrevious(_ previous: InMemoryBlock?, before block: InMemoryBlock) {
    unsafe block.entry.pointee.previous = previous
  }

  func canRelieve(
    _ failure: InMemoryFailure, _ wanted: MemoryKind, with kind: MemoryKind
  ) -> Bool {
    true
  }

  var isCallerKilled: Bool { false }

  func letOthersRun() {}

  func relax() { sched_yield() }
}
