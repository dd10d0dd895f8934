// SPDX-License-Identifier: MIT

internal import Glibc
package import HeapFramework
package import PagePools

/// A heap on memfds: every buffer one block, recycled through pools of size classes.
///
/// Two kinds of memory stand behind it: slots of slabs for small buffers that stay in the process, and
/// files of their own for the rest and for whatever is given to others.
package final class MemfdHeap: Sendable {
  private let memory: BufferMemory<LinuxHost>
  private let slots: SingleBlockHeap<LinuxHost>
  private let files: SingleBlockHeap<LinuxHost>

  private var host: LinuxHost { memory.host }

  /// Makes the heap's pools.
  ///
  /// - Returns: nil when the pool set has no room for them.
  package init?(memory: BufferMemory<LinuxHost>) {
    guard
      let slots = SingleBlockHeap(
        memory: memory, kind: .inProcess, largest: LinuxHost.largestSlot)
    else { return nil }
    guard let files = SingleBlockHeap(memory: memory, kind: .shareable) else {
      slots.close()
      return nil
    }
    self.memory = memory
    self.slots = slots
    self.files = files
  }

  /// What the heap has done, with either kind of memory.
  package func counts() -> HeapCounts {
    var counts = slots.counters.total()
    counts += files.counters.total()
    return counts
  }

  /// Sets how many blocks for buffers of a size are to be there before anybody asks (P9): of each kind of
  /// memory that serves them.
  ///
  /// - Returns: false when buffers cannot be so large.
  /// - Throws: `WatermarksExceedLimit`; all marks are then as before.
  package func setWatermarks(
    _ marks: Watermarks, holding pages: PageCount
  ) throws(WatermarksExceedLimit) -> Bool {
    guard let before = files.watermarks(holding: pages) else { return false }
    try files.setWatermarks(marks, holding: pages)
    guard pages <= LinuxHost.largestSlot else { return true }
    do throws(WatermarksExceedLimit) {
      try slots.setWatermarks(marks, holding: pages)
    } catch {
      _ = try? files.setWatermarks(before, holding: pages)
      throw error
    }
    return true
  }

  /// Destroys the heap's pools; no buffer may be live or waiting.
  package func close() {
    slots.close()
    files.close()
  }
}

// MARK: - Buffers of this process

extension MemfdHeap {
  /// Gets mapped, zeroed memory of at least `pages` pages.
  ///
  /// - Throws: the host's reason.
  /// - Complexity: O(1) from a warm pool, without a system call and without allocating.
  /// - Context: no lock held; may block.
  package func allocateBuffer(_ pages: PageCount) throws(HostFailure) -> MemoryBlock {
    if pages <= LinuxHost.largestSlot { return try slots.allocateBlock(pages).block }
    let block = try files.allocateBlock(pages).block
    try prepare(block, isMapped: true) { (file) throws(HostFailure) in
      // An earlier owner may have given the file away shorter.
      if file.length < pages { try file.setLength(pages, host.faults) }
    }
    return block
  }

  /// Frees a buffer that never left the process.
  ///
  /// - Parameter mayBeWritten: false only when nobody can have written it (S4).
  package func free(_ block: MemoryBlock, mayBeWritten: Bool) {
    if block.file == nil {
      slots.free(block, mayBeWritten: mayBeWritten)
    } else {
      files.free(block, mayBeWritten: mayBeWritten)
    }
  }

  /// Frees a buffer of which descriptors were given away; the memory comes back when they, too, are
  /// gone.
  package func freeExported(_ block: MemoryBlock) {
    guard let file = block.file else { preconditionFailure("a slot cannot be exported") }
    if host.watcher.bufferReleased(file) { files.free(block, mayBeWritten: true) }
  }
}

// MARK: - Descriptors

extension MemfdHeap {
  /// Gets a descriptor of zeroed memory; closing its last copy is the release (H5).
  ///
  /// - Parameters:
  ///   - pages: the descriptor's size, exactly.
  ///   - flags: for open(2).
  /// - Context: no lock held; blocks.
  package func allocateDescriptor(
    _ pages: PageCount, flags: Int32
  ) throws(HostFailure) -> OwnedDescriptor {
    let block = try takeFile(pages)
    return try prepare(block, isMapped: false) { (file) throws(HostFailure) in
      try file.setLength(pages, host.faults)
      return try host.watcher.handOut(
        block, file, owner: files, flags: flags, isHeldByBuffer: false)
    }
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
    guard let file = block.file else {
      return try exportCopy(of: &block, pages, flags: flags)
    }
    // Once handed out, the length stays.
    if !file.isHandedOut { try file.setLength(pages, host.faults) }
    return try host.watcher.handOut(
      block, file, owner: files, flags: flags, isHeldByBuffer: true)
  }

  private func exportCopy(
    of slot: inout MemoryBlock, _ pages: PageCount, flags: Int32
  ) throws(HostFailure) -> OwnedDescriptor {
    let block = try takeFile(pages)
    let descriptor = try prepare(block, isMapped: true) { (file) throws(HostFailure) in
      try file.setLength(pages, host.faults)
      return try host.watcher.handOut(
        block, file, owner: files, flags: flags, isHeldByBuffer: true)
    }
    guard let source = unsafe slot.address, let target = unsafe block.address else {
      preconditionFailure("both blocks are mapped")
    }
    // SAFETY: both hold `pages` pages, and the caller has exclusive access to the buffer.
    unsafe memcpy(target, source, pages.byteCount)
    free(slot, mayBeWritten: true)
    slot = block
    return descriptor
  }

  /// Takes a block whose file we still have the descriptor of.
  private func takeFile(_ pages: PageCount) throws(HostFailure) -> MemoryBlock {
    while true {
      let block = try files.allocateBlock(pages).block
      guard block.file?.descriptor.isOurs == false else { return block }
      // Not for the pool again: as if written, it is looked at and given up.
      files.free(block, mayBeWritten: true)
    }
  }

  /// Readies a block that was just taken, or gives it back as it was.
  private func prepare<R: ~Copyable>(
    _ block: MemoryBlock, isMapped: Bool, _ body: (MemoryFile) throws(HostFailure) -> R
  ) throws(HostFailure) -> R {
    guard let file = block.file else { preconditionFailure("only files need preparing") }
    do throws(HostFailure) {
      if isMapped, unsafe block.address == nil {
        try file.map(block.size, host.faults)
        unsafe block.address = file.mappedBase
      }
      return try body(file)
    } catch {
      // Still zero: nobody had it. A lost file must not be pooled again.
      free(block, mayBeWritten: !file.descriptor.isOurs)
      throw error
    }
  }
}

extension SingleBlockHeap<LinuxHost> {
  /// Frees a buffer of one block.
  func free(_ block: MemoryBlock, mayBeWritten: Bool, by thread: FreeingThread = .user) {
    free(
      Allocation(blocks: BlockChain(block, in: memory.host), owner: LinuxHost.Owner()),
      mayBeWritten: mayBeWritten, by: thread)
    memory.host.memoryCameBack()
  }
}
