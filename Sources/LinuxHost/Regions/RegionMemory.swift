// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc
package import HeapFramework
internal import PagePools

/// The memory of a region of this process: one file, mapped as a whole, with all its pages from the start and
/// huge ones where there are any.
///
/// What is free of it is zeroed. A block is a run of its pages; the records of blocks stand in an array with one for
/// each page, of which only those are ever touched that stand for a block.
@safe
package final class RegionMemory: @unchecked Sendable {
  // Constant but for the records, which belong to whoever holds the block, or the region's lock.

  /// Who has which page; the first is number 0.
  package let region: Region<LinuxHost>

  private let file: MemoryFile
  private let base: UnsafeMutableRawPointer
  private let records: UnsafeMutableRawPointer

  /// Gets the memory of `pages` pages, 1 to 2^31 - 1.
  ///
  /// - Throws: the step that failed; nothing is left behind.
  /// - Complexity: O(pages).
  /// - Context: blocks.
  init(_ pages: PageCount, faults: FaultPlan?) throws(HostFailure) {
    try FileSizeLimit.check(pages.byteCount)
    file = try MemoryFile(pages, for: .buffer, faults: faults)
    guard let base = unsafe file.mappedBase else {
      preconditionFailure("the file of a buffer is mapped")
    }
    unsafe self.base = base
    let byteCount = pages.rawValue * BlockRecord.stride
    if let injected = faults?.errorNumber(.map) {
      throw HostFailure(.map, injected, byteCount: byteCount)
    }
    let mapped = unsafe mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
      throw HostFailure(.map, errno, byteCount: byteCount)
    }
    unsafe records = mapped
    region = Region(0..<pages.rawValue)
  }

  deinit {
    // SAFETY: blocks keep the memory alive that they are of, so there are none.
    unsafe munmap(records, region.pages.count * BlockRecord.stride)
  }

  /// The block that stands for pages which were taken.
  func makeBlock(_ run: Range<Int>, for pool: PoolID) -> MemoryBlock {
    let record = unsafe record(of: run.lowerBound)
    let address = unsafe base + PageCount(run.lowerBound).byteCount
    unsafe record.initialize(
      to: BlockRecord(
        next: nil, previous: nil, address: address, pool: pool, size: PageCount(run.count),
        backing: .region(self)))
    return unsafe MemoryBlock(record: record)
  }

  /// Forgets a block.
  ///
  /// - Returns: its pages, which nobody may have before.
  func forget(_ block: MemoryBlock) -> Range<Int> {
    let run = pages(of: block)
    // SAFETY: the source is releasing the block: no handle to it is used again.
    unsafe block.record.deinitialize(count: 1)
    return run
  }

  /// The pages that a block stands for.
  func pages(of block: MemoryBlock) -> Range<Int> {
    let offset = unsafe UnsafeMutableRawPointer(block.record) - records
    let first = offset / BlockRecord.stride
    return first..<first + block.size.rawValue
  }

  /// A block's memory in the region's mapping.
  func address(of block: MemoryBlock) -> UnsafeMutableRawPointer {
    unsafe base + PageCount(pages(of: block).lowerBound).byteCount
  }

  /// Lets the first of several blocks have an address behind which all of them are, one after the other.
  ///
  /// - Throws: ENOMEM (address space, vm.max_map_count), EBADF (the region's file was closed behind our back);
  ///   nothing is left behind.
  /// - Complexity: O(pages).
  /// - Context: blocks.
  func join(_ blocks: BlockChain<LinuxHost>, faults: FaultPlan?) throws(HostFailure) {
    guard blocks.blockCount > 1, let first = blocks.front else { return }
    guard let number = file.checkedDescriptor else { throw HostFailure(.map, EBADF) }
    let joined = try unsafe Mapping(byteCount: blocks.pages.byteCount, faults: faults) {
      (room) throws(HostFailure) in
      var target = unsafe room
      var next: MemoryBlock? = first
      while let block = next {
        let byteCount = block.size.byteCount
        let offset = PageCount(pages(of: block).lowerBound).byteCount
        try unsafe Mapping.place(number, offset: offset, byteCount, at: target)
        unsafe target += byteCount
        next = block.next
      }
    }
    unsafe first.address = joined.relinquish()
  }

  /// Undoes ``join(_:faults:)``.
  func part(_ blocks: BlockChain<LinuxHost>) {
    guard blocks.blockCount > 1, let first = blocks.front, let joined = unsafe first.address
    else { return }
    // SAFETY: the buffer's owner is done with it, and nobody else has had the address.
    unsafe munmap(joined, blocks.pages.byteCount)
    unsafe first.address = address(of: first)
  }

  private func record(of page: Int) -> UnsafeMutablePointer<BlockRecord> {
    unsafe (records + page * BlockRecord.stride).bindMemory(to: BlockRecord.self, capacity: 1)
  }
}
