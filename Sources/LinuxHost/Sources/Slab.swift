// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc
internal import PagePools

/// One memfd cut into equal slots: small blocks that share a mapping.
///
/// A process may have 65530 mappings (vm.max_map_count) and often no more than 1024 descriptors. A
/// file and a mapping for each 4 KiB block would end there; slots of a slab end with the memory.
/// A slot cannot be given to another process: that is what files of one block are for.
///
/// All fields are guarded by the slab source's lock; the slots' records by whoever holds them.
@safe
final class Slab: @unchecked Sendable {
  private let mapping: Mapping
  private let records: UnsafeMutableRawPointer
  private var firstFree: MemoryBlock?

  let slotSize: PageCount
  let slotCount: Int
  private(set) var freeCount: Int

  /// Which list of the source the slab is on while it has free slots: its pool's index.
  let listIndex: Int

  /// The slab's neighbours on that list.
  var nextListed: Slab?
  unowned(unsafe) var previousListed: Slab?

  /// Bytes in a slab: 512 slots of one page, 36 of 14 pages.
  static let byteCount = 2 << 20

  /// Makes a slab whose slots have no memory yet.
  ///
  /// - Throws: the step that failed; nothing is left behind.
  /// - Context: blocks.
  init(for pool: PoolID, _ size: PageCount, faults: FaultPlan?) throws(HostFailure) {
    // The mapping is enough to have the memory: a descriptor would be one fewer for the program, and a forked
    // child would keep what its parent gives back.
    let file = try CheckedDescriptor(ofMemory: .createFile) { () throws(HostFailure) in
      try attempt(.createFile, byteCount: Self.byteCount, faults: faults) {
        unsafe shim_memfd_create("dmaheap-slab")
      }
    }
    try FileSizeLimit.check(Self.byteCount)
    _ = try attempt(.setLength, byteCount: Self.byteCount, faults: faults) {
      ftruncate(file.rawValue, Self.byteCount)
    }
    mapping = try Mapping(of: file.rawValue, byteCount: Self.byteCount, faults: faults)
    slotSize = size
    slotCount = Self.byteCount / size.byteCount
    freeCount = slotCount
    listIndex = pool.index
    unsafe records = BlockRecord.allocate(count: slotCount)
    for index in (0..<slotCount).reversed() {
      let record = unsafe (records + index * BlockRecord.stride)
        .bindMemory(to: BlockRecord.self, capacity: 1)
      unsafe record.initialize(
        to: BlockRecord(
          next: firstFree, previous: nil, address: mapping.base + index * size.byteCount,
          pool: pool, size: size, backing: .slot(self)))
      firstFree = unsafe MemoryBlock(record: record)
    }
  }

  /// Breaks the cycle of slab and records; only then does the slab go away.
  func retire() {
    precondition(freeCount == slotCount, "a slab goes away when no slot is in use")
    firstFree = nil
    // SAFETY: no slot is in use, so nobody has a handle to a record.
    for index in 0..<slotCount {
      unsafe (records + index * BlockRecord.stride)
        .assumingMemoryBound(to: BlockRecord.self).deinitialize(count: 1)
    }
    unsafe records.deallocate()
  }

  /// Takes a slot that has no memory yet.
  func takeSlot() -> MemoryBlock? {
    guard let slot = firstFree else { return nil }
    firstFree = slot.next
    slot.next = nil
    freeCount -= 1
    return slot
  }

  /// Takes back a slot whose memory was given back.
  func returnSlot(_ slot: MemoryBlock) {
    slot.next = firstFree
    firstFree = slot
    freeCount += 1
  }

  /// Gives a slot zeroed memory and maps it, so that touching it needs no fault and cannot fail.
  func populate(_ slot: MemoryBlock, faults: FaultPlan?) throws(HostFailure) {
    let byteCount = slotSize.byteCount
    _ = try attempt(.reserve, byteCount: byteCount, faults: faults) {
      unsafe madvise(slot.address, byteCount, SHIM_MADV_POPULATE_WRITE)
    }
  }

  /// Gives a slot's memory back to the kernel.
  func depopulate(_ slot: MemoryBlock) {
    guard let address = unsafe slot.address else { return }
    // Cannot fail on a mapping of ours but by a signal, and then not for long.
    while unsafe madvise(address, slotSize.byteCount, SHIM_MADV_REMOVE) != 0, errno == EINTR {}
  }
}
