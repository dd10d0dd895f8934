// SPDX-License-Identifier: MIT

package import PagePools

/// A handle to one block of memory: a size class's worth of pages, in a file of its own or in a slab.
///
/// The handle is one word; what it names lives from the source's `allocate` to its `release`.
@safe
package struct MemoryBlock: BitwiseCopyable, Equatable, @unchecked Sendable {
  // What the record says is guarded as its fields document.
  let record: UnsafeMutablePointer<BlockRecord>

  package static func == (left: MemoryBlock, right: MemoryBlock) -> Bool {
    unsafe left.record == right.record
  }
}

/// What the host knows of a block: its counterpart of the kernel's `struct page`.
@safe
struct BlockRecord {
  /// The link slots; the core's.
  var next: MemoryBlock?
  var previous: MemoryBlock?

  /// The first byte of the block's mapping, nil while a small file is not mapped.
  ///
  /// Changed only by whoever holds the block.
  var address: UnsafeMutableRawPointer?

  /// Where the block goes when it is given back.
  let pool: PoolID

  /// Pages in the block.
  let size: PageCount

  /// What the memory stands in.
  let backing: Backing

  /// Bytes from one record to the next: each has a cache line of its own, the one that a take of a block
  /// that was long in its pool waits for.
  static let stride = 64

  /// Makes memory for `count` records, `stride` apart.
  static func allocate(count: Int) -> UnsafeMutableRawPointer {
    precondition(MemoryLayout<BlockRecord>.size <= stride, "a record fits a cache line")
    return .allocate(byteCount: count * stride, alignment: stride)
  }

  enum Backing {
    /// A slot of a slab: memory of this process, see ``SlabSource``.
    case slot(Slab)
    /// A memfd of the block's own, see ``MemoryFile``.
    case file(MemoryFile)
    /// Pages of a region.
    case region(RegionMemory)
  }
}

extension MemoryBlock {
  /// The pool the block was allocated for.
  var pool: PoolID { unsafe record.pointee.pool }

  /// Pages in the block.
  package var size: PageCount { unsafe record.pointee.size }

  /// The core's first link slot.
  var next: MemoryBlock? {
    get { unsafe record.pointee.next }
    nonmutating set { unsafe record.pointee.next = newValue }
  }

  /// The core's second link slot.
  var previous: MemoryBlock? {
    get { unsafe record.pointee.previous }
    nonmutating set { unsafe record.pointee.previous = newValue }
  }

  /// The block's memory, nil while it is not mapped.
  package var address: UnsafeMutableRawPointer? {
    get { unsafe record.pointee.address }
    nonmutating set { unsafe record.pointee.address = newValue }
  }

  /// What the memory stands in.
  var backing: BlockRecord.Backing { unsafe record.pointee.backing }

  /// The block's own file, nil for a block that has none.
  var file: MemoryFile? {
    guard case .file(let file) = unsafe record.pointee.backing else { return nil }
    return file
  }

  /// Makes the record of a block with a file of its own.
  init(pool: PoolID, size: PageCount, file: MemoryFile) {
    let record = unsafe BlockRecord.allocate(count: 1).bindMemory(to: BlockRecord.self, capacity: 1)
    unsafe record.initialize(
      to: BlockRecord(
        next: nil, previous: nil, address: file.mappedBase, pool: pool, size: size,
        backing: .file(file)))
    unsafe self.init(record: record)
  }

  /// Destroys the record of a block with a file of its own, and with it the file and its mapping.
  func destroy() {
    // SAFETY: the source is releasing the block: no handle to it is used again.
    unsafe record.deinitialize(count: 1)
    unsafe record.deallocate()
  }
}
