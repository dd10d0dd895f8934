// SPDX-License-Identifier: MIT

internal import Glibc
package import HeapFramework
package import PagePools

/// A heap on memfds: every buffer one block, as the file is the unit that can be given away.
///
/// Three kinds of memory stand behind it: slots of slabs and mapped files for buffers of this process, which are
/// used again through pools of size classes, and files to be given away, which are made ahead of demand.
package final class MemfdHeap: SharingHeap {
  private let memory: BufferMemory<LinuxHost>
  private let slots: SingleBlockHeap<LinuxHost>
  private let files: SingleBlockHeap<LinuxHost>
  private let descriptors: HandOutHeap<LinuxHost>

  private var host: LinuxHost { memory.host }

  /// Makes the heap's pools.
  ///
  /// - Returns: nil when the pool set has no room for them.
  package init?(memory: BufferMemory<LinuxHost>) {
    guard
      let slots = SingleBlockHeap(
        memory: memory, kind: .inProcess, largest: LinuxHost.largestSlot)
    else { return nil }
    guard let files = SingleBlockHeap(memory: memory, kind: .mapped) else {
      slots.close()
      return nil
    }
    self.memory = memory
    self.slots = slots
    self.files = files
    descriptors = HandOutHeap(
      memory: memory, kind: .shareable, largest: files.largest,
      keepsSizes: memory.host.watcher != nil)
  }

  /// Its files are each one block, and can be given away.
  package var sharing: (any SharingHeap)? { self }

  /// What the heap has done, with any kind of memory.
  package func counts() -> HeapCounts {
    var counts = slots.counters.total()
    counts += files.counters.total()
    counts += descriptors.counters.total()
    return counts
  }

  /// Destroys the heap's pools; no buffer may be live or waiting.
  package func close() {
    slots.close()
    files.close()
    descriptors.close()
  }
}

// MARK: - Ahead of demand

extension MemfdHeap {
  /// The largest buffer or descriptor.
  package var largest: PageCount { files.largest }

  /// Of how many sizes descriptors can be kept ready.
  package var descriptorSizeCapacity: Int { descriptors.sizeCapacity }

  /// What memory is kept ready for.
  package enum Use: Sendable {
    case buffers
    case descriptors
  }

  /// Sets how many blocks for a size are to be there before anybody asks (P9).
  ///
  /// - Returns: false when blocks cannot be so large, or too many sizes are kept ready.
  /// - Throws: `WatermarksExceedLimit`; the marks are then as before.
  package func setWatermarks(
    _ marks: Watermarks, holding pages: PageCount, for use: Use
  ) throws(WatermarksExceedLimit) -> Bool {
    switch use {
    case .buffers where pages <= LinuxHost.largestSlot:
      try slots.setWatermarks(marks, holding: pages)
    case .buffers:
      try files.setWatermarks(marks, holding: pages)
    case .descriptors:
      try descriptors.setWatermarks(marks, holding: pages)
    }
  }
}

// MARK: - Buffers of this process

extension MemfdHeap {
  /// Buffers are as long as was asked for; what their blocks have beyond that is hidden.
  package func size(holding pages: PageCount) -> PageCount { pages }

  /// Gets mapped, zeroed memory of at least `pages` pages.
  ///
  /// - Throws: the host's reason.
  /// - Complexity: O(1) from a warm pool, without a system call and without allocating.
  /// - Context: no lock held; may block.
  package func allocateBuffer(_ pages: PageCount) throws(HostFailure) -> MemoryBlock {
    try (pages <= LinuxHost.largestSlot ? slots : files).allocateBlock(pages).block
  }

  /// Frees a buffer.
  ///
  /// Memory of which a descriptor was given away stays with whoever has it, and serves nobody else.
  ///
  /// - Parameter mayBeWritten: false only when nobody can have written it (S4).
  package func free(_ block: MemoryBlock, mayBeWritten: Bool) {
    guard let file = block.file else { return slots.free(block, mayBeWritten: mayBeWritten) }
    guard file.isShared else { return files.free(block, mayBeWritten: mayBeWritten) }
    files.handOut(Allocation(block, in: host))
  }

  /// Opens a descriptor of a buffer's memory for somebody else.
  ///
  /// - Parameters:
  ///   - block: the buffer's; a slot is replaced by a file with the same content.
  ///   - pages: the buffer's size, which becomes the file's.
  /// - Throws: the host's reason; the buffer is then as before.
  /// - Context: no lock held; blocks.
  package func exportDescriptor(
    _ block: inout MemoryBlock, _ pages: PageCount, flags: Int32
  ) throws(HostFailure) -> OwnedDescriptor {
    if let file = block.file { return try export(file, pages, flags: flags) }
    let copy = try files.allocateBlock(pages).block
    guard let file = copy.file, let source = unsafe block.address, let target = unsafe copy.address
    else { preconditionFailure("both blocks are mapped, and files have files") }
    let descriptor: OwnedDescriptor
    do throws(HostFailure) {
      descriptor = try export(file, pages, flags: flags)
    } catch {
      free(copy, mayBeWritten: false)
      throw error
    }
    // SAFETY: both hold `pages` pages, and the caller has exclusive access to the buffer.
    unsafe memcpy(target, source, pages.byteCount)
    slots.free(block, mayBeWritten: true)
    block = copy
    return descriptor
  }

  private func export(
    _ file: MemoryFile, _ pages: PageCount, flags: Int32
  ) throws(HostFailure) -> OwnedDescriptor {
    // Where the process has no descriptor left, pooled files do.
    try memory.withReclaim(pages, .mapped) { () throws(HostFailure) in
      try file.export(pages: pages, flags: flags, host.faults)
    }
  }
}

// MARK: - Descriptors

extension MemfdHeap {
  /// Gets a descriptor of zeroed memory; closing its last copy is the release (H5).
  ///
  /// - Parameters:
  ///   - pages: the descriptor's size, exactly.
  ///   - flags: for open(2).
  /// - Complexity: O(1) when one is ready: one fstat(2) for `O_RDWR | O_CLOEXEC`.
  /// - Context: no lock held; may block.
  package func allocateDescriptor(
    _ pages: PageCount, flags: Int32
  ) throws(HostFailure) -> OwnedDescriptor {
    let mustBeReopened = host.watcher != nil || flags != O_RDWR | O_CLOEXEC
    guard let (buffer, block, file) = try takeFile(pages, mustBeReopened: mustBeReopened) else {
      return try allocateOddDescriptor(pages, flags: flags)
    }
    do throws(HostFailure) {
      if let watcher = host.watcher {
        return try memory.withReclaim(pages, .shareable) { () throws(HostFailure) in
          try watcher.handOut(block, file, owner: descriptors, flags: flags)
        }
      }
      let descriptor = try memory.withReclaim(pages, .shareable) { () throws(HostFailure) in
        try file.giveAway(flags: flags, host.faults)
      }
      descriptors.handOut(buffer)
      return descriptor
    } catch {
      if file.canBePooled {
        descriptors.free(buffer, mayBeWritten: false)
      } else {
        descriptors.release(buffer)
      }
      throw error
    }
  }

  /// Takes a file of which we still have the descriptor: a program may have closed it while it was pooled, or
  /// have become another user.
  private func takeFile(
    _ pages: PageCount, mustBeReopened: Bool
  ) throws(HostFailure) -> (buffer: Allocation<LinuxHost>, block: MemoryBlock, file: MemoryFile)? {
    while let (buffer, wasPooled) = try descriptors.take(pages) {
      guard let block = buffer.blocks.front, let file = block.file else {
        preconditionFailure("a buffer to be handed out is a file")
      }
      guard wasPooled else { return (buffer, block, file) }
      if file.checkedDescriptor != nil, !mustBeReopened || file.canBeReopened {
        return (buffer, block, file)
      }
      descriptors.release(buffer)
    }
    return nil
  }

  /// Gets a descriptor of a size for which there can be no pool: through a buffer that is let go of.
  private func allocateOddDescriptor(
    _ pages: PageCount, flags: Int32
  ) throws(HostFailure) -> OwnedDescriptor {
    var block = try files.allocateBlock(pages).block
    defer { free(block, mayBeWritten: false) }
    return try exportDescriptor(&block, pages, flags: flags)
  }
}

extension SingleBlockHeap<LinuxHost> {
  /// Frees a buffer of one block.
  func free(_ block: MemoryBlock, mayBeWritten: Bool) {
    free(
      Allocation(block, in: memory.host), mayBeWritten: mayBeWritten)
    memory.host.memoryCameBack()
  }
}

extension Allocation<LinuxHost> {
  /// A buffer of one block.
  init(_ block: MemoryBlock, in host: LinuxHost) {
    self.init(blocks: BlockChain(block, in: host), owner: LinuxHost.Owner())
  }
}
