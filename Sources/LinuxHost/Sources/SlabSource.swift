// SPDX-License-Identifier: MIT

internal import PagePools

/// Where small blocks of this process come from: slots of slabs.
///
/// A slab goes when its last slot does, except that one unused slab of each size stays, so that a single
/// block coming and going does not map and unmap 2 MiB each time. An unused slab has no memory.
final class SlabSource: Sendable {
  private let lists: Locked<SlabLists, FutexLock>
  private let faults: FaultPlan?

  /// - Parameter poolCapacity: pools whose blocks may come from here have an index below this.
  init(poolCapacity: Int, faults: FaultPlan?) {
    lists = Locked(SlabLists(poolCapacity: poolCapacity))
    self.faults = faults
  }

  /// Drops the unused slabs that stayed; no slot may be in use.
  func close() {
    while let slab = lists.withLock({ $0.removeUnused() }) {
      slab.retire()
    }
  }

  /// Gets a zeroed, mapped slot.
  ///
  /// - Throws: the step that failed; nothing is left behind.
  /// - Context: blocks.
  func allocate(for pool: PoolID, _ size: PageCount) throws(HostFailure) -> MemoryBlock {
    let slot = try takeSlot(for: pool, size)
    do throws(HostFailure) {
      try slot.slab.populate(slot, faults: faults)
    } catch {
      giveBack(slot)
      throw error
    }
    return slot
  }

  /// Gives a slot's memory back to the kernel; a slab without used slots goes too.
  ///
  /// - Context: blocks.
  func release(_ slot: MemoryBlock) {
    slot.slab.depopulate(slot)
    giveBack(slot)
  }

  private func takeSlot(
    for pool: PoolID, _ size: PageCount
  ) throws(HostFailure) -> MemoryBlock {
    if let slot = lists.withLock({ $0.takeSlot(for: pool) }) { return slot }
    // Several threads may come here at once; each slab that is made finds its use.
    let slab = try Slab(for: pool, size, faults: faults)
    return lists.withLock { lists in
      lists.insert(slab)
      guard let slot = lists.takeSlot(for: pool) else {
        preconditionFailure("a new slab has free slots")
      }
      return slot
    }
  }

  private func giveBack(_ slot: MemoryBlock) {
    let slab = slot.slab
    let surplus = lists.withLock { $0.returnSlot(slot, to: slab) }
    // With the lock released: this unmaps and closes.
    surplus?.retire()
  }
}

extension MemoryBlock {
  /// The slab that a small block is a slot of.
  fileprivate var slab: Slab {
    guard case .slot(let slab) = unsafe record.pointee.backing else {
      preconditionFailure("a block with a file of its own is no slot")
    }
    return slab
  }
}
