// SPDX-License-Identifier: MIT

public import PagePools

/// One block per buffer, of exactly the size that was asked for, to be given away with its memory.
///
/// For memory that cannot serve anybody else once it was handed out (H5), or only a buffer of the same size.
/// There is a pool for each of the sizes asked for lately, at most ``sizeCapacity``; what is given away is made
/// anew by the worker, ahead of demand (P9).
///
/// ```text
/// source ──▶ pool of 2025 pages ──▶ take(_:) ──▶ handOut(_:) ──▶ whoever has it
///             ▲ the worker, as many as went lately      └──▶ free(_:), if that failed
/// ```
public final class HandOutHeap<Host: HeapHost>: Sendable {
  /// Where its memory comes from.
  public let memory: BufferMemory<Host>

  /// What it has done; a buffer that is handed out counts as freed.
  public let counters: HeapCounters<Host>

  /// What all its memory is like.
  public let kind: MemoryKind

  /// The largest buffer, in pages.
  public let largest: PageCount

  /// How many sizes can have a pool.
  public let sizeCapacity: Int

  @usableFromInline let sizes: Locked<SizeTable<Host>, Host.Lock>
  @usableFromInline let keepsSizes: Bool

  /// Makes a heap without pools.
  ///
  /// - Parameters:
  ///   - memory: shared with other heaps; its pool set needs room for `sizeCapacity` pools.
  ///   - largest: pages, 1 or more.
  ///   - keepsSizes: whether blocks come back to their pools later, which then must stay.
  /// - Context: allocates; may block.
  public init(
    memory: BufferMemory<Host>, kind: MemoryKind, largest: PageCount, sizeCapacity: Int = 32,
    keepsSizes: Bool = false
  ) {
    precondition(largest > .zero && sizeCapacity > 0)
    self.memory = memory
    self.kind = kind
    self.largest = largest
    self.sizeCapacity = sizeCapacity
    self.keepsSizes = keepsSizes
    counters = HeapCounters(machine: memory.host, shardCount: memory.pools.shardCount)
    sizes = Locked(SizeTable(capacity: sizeCapacity))
  }
}

// MARK: - Buffers

extension HandOutHeap {
  /// Takes or gets a zeroed block of exactly `pages` pages, charged to the caller; one of the functions below
  /// follows, once.
  ///
  /// - Returns: the block, and whether it was pooled; nil when there can be no pool of this size just now,
  ///   because too many others are in use.
  /// - Throws: a shortage (ENOMEM) above ``largest``, or over a limit of ``HeapHost/charge(_:)``; the host's
  ///   reason. Nothing is left behind.
  /// - Complexity: O(sizes) from a pool.
  /// - Context: no lock held; may block.
  @inlinable
  public func take(
    _ pages: PageCount
  ) throws(Host.Failure) -> (buffer: Allocation<Host>, wasPooled: Bool)? {
    do throws(Host.Failure) {
      guard pages <= largest else {
        throw Host.Failure(Shortage(of: pages, .largestBuffer(largest)))
      }
      guard let size = size(of: pages) else { return nil }
      do throws(Host.Failure) {
        return try take(from: size)
      } catch {
        leave(pages)
        throw error
      }
    } catch {
      counters.countFailure()
      throw error
    }
  }

  @inlinable
  func take(
    from size: SizedPool<Host>
  ) throws(Host.Failure) -> (buffer: Allocation<Host>, wasPooled: Bool) {
    let owner = try memory.host.charge(size.pages)
    do throws(Host.Failure) {
      let obtained = try memory.withReclaim(size.pages, kind) { () throws(Host.Failure) in
        try memory.obtain(0, of: size.pools, effort: .full)
      }
      counters.countAllocation(size.pages, poolMisses: obtained.wasPooled ? 0 : 1)
      let blocks = BlockChain(obtained.block, in: memory.host)
      return (Allocation(blocks: blocks, owner: owner), obtained.wasPooled)
    } catch {
      memory.host.uncharge(size.pages, owner)
      throw error
    }
  }

  /// Lets go of a buffer whose memory the host has given away: it leaves the accounts.
  ///
  /// - Context: no lock held; may block.
  @inlinable
  public func handOut(_ buffer: Allocation<Host>) {
    end(buffer) { memory.handOut($0) }
  }

  /// Gives up a buffer that somebody may have for ever: to its source, whatever was planned.
  ///
  /// - Context: no lock held; may block.
  @inlinable
  public func release(_ buffer: Allocation<Host>) {
    end(buffer) { memory.pools.release($0, from: .buffer) }
  }

  /// Frees a buffer that was not handed out, or, where pools stay, came back.
  ///
  /// - Parameters:
  ///   - mayBeWritten: false only when nobody can have written it since it was taken (S4).
  ///   - thread: who frees it.
  /// - Context: no lock held; may block.
  @inlinable
  public func free(
    _ buffer: Allocation<Host>, mayBeWritten: Bool, by thread: FreeingThread = .user
  ) {
    end(buffer) { memory.free($0, mayBeWritten: mayBeWritten, by: thread) }
  }

  @inlinable
  func end(_ buffer: Allocation<Host>, _ body: (BlockChain<Host>) -> Void) {
    let pages = buffer.blocks.pages
    memory.host.uncharge(pages, buffer.owner)
    counters.countFree(pages)
    body(buffer.blocks)
    leave(pages)
  }
}

// MARK: - Sizes

extension HandOutHeap {
  /// Sets how many blocks of a size are to be there before anybody asks (P9); the size then keeps its pool.
  ///
  /// - Returns: false when blocks cannot be so large, or too many sizes have pools that must stay.
  /// - Throws: ``PagePools/WatermarksExceedLimit``; the marks are then as before.
  /// - Context: no lock held; may block.
  public func setWatermarks(
    _ marks: Watermarks, holding pages: PageCount
  ) throws(WatermarksExceedLimit) -> Bool {
    guard pages <= largest, let size = size(of: pages) else { return false }
    defer { leave(pages) }
    try memory.setWatermarks(marks, 0, of: size.pools)
    return true
  }

  /// Destroys all pools; no block may be taken, live or waiting.
  ///
  /// - Context: no lock held; may block.
  public func close() {
    while let size = sizes.withLock({ $0.removeAny() }) { size.pools.destroy(in: memory) }
  }

  /// The pool of a size, which stays until ``leave(_:)``; makes one if there is none.
  @inlinable
  func size(of pages: PageCount) -> SizedPool<Host>? {
    sizes.withLock { $0.enter(pages) } ?? makeSize(pages)
  }

  @usableFromInline
  func makeSize(_ pages: PageCount) -> SizedPool<Host>? {
    let (hasRoom, surplus) = sizes.withLock { sizes in
      sizes.makeRoom(where: { size in
        !keepsSizes && memory.pools.watermarks(of: size.pools[0, 0]) == .none
      })
    }
    guard hasRoom else { return nil }
    surplus?.pools.destroy(in: memory)
    guard let pools = HeapPools(in: memory, sizes: [pages], kind: kind) else {
      sizes.withLock { $0.cancelRoom() }
      return nil
    }
    let new = SizedPool<Host>(pages, pools)
    // Another thread may have made one of the same size meanwhile.
    let size = sizes.withLock { $0.insert(new) }
    if size !== new { new.pools.destroy(in: memory) }
    return size
  }

  @inlinable
  func leave(_ pages: PageCount) {
    sizes.withLock { $0.leave(pages) }
  }
}
