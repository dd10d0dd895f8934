// SPDX-License-Identifier: MIT

package import HeapFramework
package import PagePools

/// A heap of this process, whatever its memory is: what the library's `Heap` calls.
package protocol ProcessHeap: AnyObject, Sendable {
  /// Pages that a buffer has which was asked for with so many.
  func size(holding pages: PageCount) -> PageCount

  /// Gets zeroed memory, all of it behind the address of the block that is returned.
  ///
  /// - Parameter pages: 1 or more.
  /// - Throws: the host's reason.
  /// - Context: no lock held; may block.
  func allocateBuffer(_ pages: PageCount) throws(HostFailure) -> MemoryBlock

  /// Frees a buffer.
  ///
  /// - Parameter mayBeWritten: false only when nobody can have written it (S4).
  /// - Context: no lock held; may block.
  func free(_ block: MemoryBlock, mayBeWritten: Bool)

  /// The heap as one whose memory other processes can have; nil when it stays in this one.
  var sharing: (any SharingHeap)? { get }

  /// What the heap has done.
  func counts() -> HeapCounts

  /// Destroys the heap's pools; no buffer may be live or waiting.
  func close()
}

/// A heap whose memory other processes can have.
package protocol SharingHeap: ProcessHeap {
  /// Opens a descriptor of a buffer's memory for somebody else.
  ///
  /// - Parameters:
  ///   - block: the buffer's, which may become another one with the same content.
  ///   - pages: the buffer's size, which becomes the file's.
  ///   - flags: for open(2).
  /// - Throws: the host's reason; the buffer is then as before.
  /// - Context: no lock held; blocks.
  func exportDescriptor(
    _ block: inout MemoryBlock, _ pages: PageCount, flags: Int32
  ) throws(HostFailure) -> OwnedDescriptor

  /// Gets a descriptor of zeroed memory; closing its last copy is the release (H5).
  ///
  /// - Parameters:
  ///   - pages: the descriptor's size, exactly.
  ///   - flags: for open(2).
  /// - Context: no lock held; may block.
  func allocateDescriptor(_ pages: PageCount, flags: Int32) throws(HostFailure) -> OwnedDescriptor
}
