// SPDX-License-Identifier: MIT

internal import PagePools

/// The slabs that have free slots, one list for each block size; guarded by the slab source's lock.
///
/// A slab without free slots is on no list; its slots' records keep it alive.
struct SlabLists: ~Copyable {
  private var firsts: StableArray<Slab?>

  init(poolCapacity: Int) {
    firsts = StableArray(count: poolCapacity) { _ in nil }
  }

  /// Takes a free slot of the pool's size.
  ///
  /// - Complexity: O(1).
  mutating func takeSlot(for pool: PoolID) -> MemoryBlock? {
    guard let slab = firsts[pool.index], let slot = slab.takeSlot() else { return nil }
    if slab.freeCount == 0 { remove(slab) }
    return slot
  }

  /// Takes a slot back.
  ///
  /// - Returns: the slab, off its list, when it is unused and not the last of its size.
  /// - Complexity: O(1).
  mutating func returnSlot(_ slot: MemoryBlock, to slab: Slab) -> Slab? {
    slab.returnSlot(slot)
    if slab.freeCount == 1 { insert(slab) }
    let isAlone = firsts[slab.listIndex] === slab && slab.nextListed == nil
    guard slab.freeCount == slab.slotCount, !isAlone else { return nil }
    remove(slab)
    return slab
  }

  /// Takes an unused slab off its list.
  mutating func removeUnused() -> Slab? {
    for index in 0..<firsts.count {
      if let slab = firsts[index], slab.freeCount == slab.slotCount {
        remove(slab)
        return slab
      }
    }
    return nil
  }

  mutating func insert(_ slab: Slab) {
    let first = firsts[slab.listIndex]
    slab.nextListed = first
    unsafe first?.previousListed = slab
    firsts[slab.listIndex] = slab
  }

  private mutating func remove(_ slab: Slab) {
    if let previous = unsafe slab.previousListed {
      previous.nextListed = slab.nextListed
    } else {
      firsts[slab.listIndex] = slab.nextListed
    }
    unsafe slab.nextListed?.previousListed = slab.previousListed
    slab.nextListed = nil
    unsafe slab.previousListed = nil
  }
}
