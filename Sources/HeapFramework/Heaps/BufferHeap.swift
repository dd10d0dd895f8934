// SPDX-License-Identifier: MIT

public import PagePools

/// What every heap is: buffers are made of blocks of its own pools, and charged to whoever asks.
///
/// A heap of a new kind overrides ``takeBlocks(_:into:poolMisses:)`` and, if its blocks are larger than what was
/// asked for, ``size(holding:)``, and ``length(for:)`` if buffers have all of that; how buffers are charged, counted
/// and freed is the same for all.
///
/// Buffers refer to their heap, so it must outlive them: a host keeps it until the last one is freed.
open class BufferHeap<Host: HeapHost>: @unchecked Sendable {
  // `@unchecked`, because a class that can be subclassed cannot be checked: everything here is constant,
  // and subclasses add constants only.

  /// Where its memory comes from.
  public final let memory: BufferMemory<Host>

  /// What it has done.
  public final let counters: HeapCounters<Host>

  /// Its pools.
  public final let pools: HeapPools<Host>

  /// The largest buffer, in pages; the heap refuses larger ones before it takes any memory.
  public final let largest: PageCount

  /// Makes a heap and its pools.
  ///
  /// - Parameters:
  ///   - memory: shared with other heaps.
  ///   - sizes: of its blocks, in pages; at least one.
  ///   - kind: of all its blocks.
  ///   - largest: pages, 1 or more.
  /// - Returns: nil when the pool set has no room for so many pools; nothing is left behind.
  /// - Context: allocates; may block.
  public init?(
    memory: BufferMemory<Host>, sizes: [PageCount], kind: MemoryKind, largest: PageCount
  ) {
    precondition(largest > .zero, "a heap has buffers of some size")
    guard let pools = HeapPools(in: memory, sizes: sizes, kind: kind) else { return nil }
    self.pools = pools
    self.memory = memory
    self.largest = largest
    counters = HeapCounters(machine: memory.host, shardCount: memory.pools.shardCount)
  }

  // MARK: What heaps differ in

  /// Pages that a buffer of `pages` pages takes up.
  ///
  /// - Parameter pages: 1 to ``largest``.
  open func size(holding pages: PageCount) -> PageCount { pages }

  /// Pages that a buffer has for its users when `pages` are asked for; no more than it takes up.
  ///
  /// - Parameter pages: 1 to ``largest``.
  open func length(for pages: PageCount) -> PageCount { pages }

  /// Takes or gets zeroed blocks of together ``size(holding:)`` pages, and appends them.
  ///
  /// - Parameters:
  ///   - pages: 1 to ``largest``.
  ///   - poolMisses: counts the blocks that no pool had.
  /// - Throws: the host's reason; what the chain has then, the caller gives back.
  /// - Context: no lock held; may block.
  open func takeBlocks(
    _ pages: PageCount, into blocks: inout BlockChain<Host>, poolMisses: inout Int
  ) throws(Host.Failure) {
    preconditionFailure("a heap takes blocks in its own way")
  }

  // MARK: What all do alike

  /// How the memory is mapped, by processes, the kernel and devices.
  public final var exportAttributes: ExportAttributes { ExportAttributes(for: pools.kind) }

  /// Gets zeroed memory for a buffer of at least `pages` pages, charged to the caller.
  ///
  /// - Parameter pages: 1 or more.
  /// - Throws: a shortage (ENOMEM) above ``largest``, or over a limit of ``HeapHost/charge(_:)``; the host's
  ///   reason; `.interrupted` (EINTR). Nothing is left behind: memory for want of which the request
  ///   failed is back at its source.
  /// - Complexity: O(blocks); allocates nothing but the blocks.
  /// - Context: no lock held; may block.
  public final func allocate(_ pages: PageCount) throws(Host.Failure) -> Allocation<Host> {
    precondition(pages > .zero, "a buffer has at least one page")
    guard pages <= largest else { throw refuse(pages) }
    let size = size(holding: pages)
    let owner = try charge(size)
    var blocks = BlockChain<Host>()
    var poolMisses = 0
    do throws(Host.Failure) {
      try takeBlocks(pages, into: &blocks, poolMisses: &poolMisses)
    } catch {
      if error.isInterruption {
        memory.pools.give(blocks, from: .buffer)
      } else {
        memory.pools.release(blocks, from: .buffer)
      }
      memory.host.uncharge(size, owner)
      counters.countFailure()
      throw error
    }
    counters.countAllocation(blocks.pages, poolMisses: poolMisses)
    return Allocation(blocks: blocks, owner: owner)
  }

  /// Frees a buffer that its users are done with.
  ///
  /// - Parameters:
  ///   - mayBeWritten: false only when nobody can have written it since it was handed out (S4).
  ///   - thread: who frees it.
  /// - Context: no lock held; may block.
  @inlinable
  public final func free(
    _ buffer: Allocation<Host>, mayBeWritten: Bool, by thread: FreeingThread = .user
  ) {
    memory.host.uncharge(buffer.blocks.pages, buffer.owner)
    counters.countFree(buffer.blocks.pages)
    memory.free(buffer.blocks, mayBeWritten: mayBeWritten, by: thread)
  }

  /// Lets go of a buffer whose memory the host has given away: it leaves the accounts.
  ///
  /// - Context: no lock held; may block.
  @inlinable
  public final func handOut(_ buffer: Allocation<Host>) {
    memory.host.uncharge(buffer.blocks.pages, buffer.owner)
    counters.countFree(buffer.blocks.pages)
    memory.handOut(buffer.blocks)
  }

  /// Sets how many blocks are to be there before anybody asks, where the heap's memory is stocked (P9).
  ///
  /// They are of no other use meanwhile, but a request that its source cannot meet without them has them, and so has
  /// the shrinker, if they count.
  ///
  /// - Returns: false when the memory is not stocked.
  /// - Throws: ``PagePools/WatermarksExceedLimit``.
  /// - Context: no lock held; does not block.
  @discardableResult
  public final func setWatermarks(_ marks: Watermarks) throws(WatermarksExceedLimit) -> Bool {
    guard pools.kind.keeping.contains(.stocked) else { return false }
    try memory.setWatermarks(marks, 0, of: pools)
    return true
  }

  /// Destroys the heap's pools, releasing their blocks (P6).
  ///
  /// No buffer of the heap may be live or waiting.
  ///
  /// - Context: no lock held; may block.
  public final func close() {
    pools.destroy(in: memory)
  }

  /// Counts a request that asks for too much.
  @usableFromInline
  final func refuse(_ pages: PageCount) -> Host.Failure {
    counters.countFailure()
    return Host.Failure(Shortage(of: pages, .largestBuffer(largest)))
  }

  @inlinable
  final func charge(_ pages: PageCount) throws(Host.Failure) -> Host.Owner {
    do throws(Host.Failure) {
      return try memory.host.charge(pages)
    } catch {
      counters.countFailure()
      throw error
    }
  }
}

/// The memory of one buffer, and whom it is charged to.
@frozen
public struct Allocation<Host: HeapHost>: Sendable, BitwiseCopyable {
  /// Zeroed when they are handed out.
  public let blocks: BlockChain<Host>

  /// Whom they are charged to.
  public let owner: Host.Owner

  /// Memory that is charged to somebody.
  @inlinable
  public init(blocks: BlockChain<Host>, owner: Host.Owner) {
    self.blocks = blocks
    self.owner = owner
  }
}
