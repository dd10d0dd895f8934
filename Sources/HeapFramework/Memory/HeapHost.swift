// SPDX-License-Identifier: MIT

public import PagePools

/// What a host brings to heaps beyond a source of pages: buffer objects and a worker.
///
/// A buffer object is what stands behind one descriptor. The heap frees it as a whole; the
/// host knows which blocks it is made of and what else goes away with it.
public protocol HeapHost: PageSource, DeferredFreeItems {
  /// A buffer object, linked on the deferred-free list while it waits.
  typealias Buffer = Item

  /// Takes the blocks out of a buffer that is being freed and drops everything else of it.
  ///
  /// - Context: no lock held; must not allocate; may block.
  func dismantle(_ buffer: Item) -> BlockChain<Self>

  /// Frees the buffers whose last user has gone without the host having acted on it yet.
  ///
  /// Called when a pool is found empty. A host that learns of every release at once does nothing.
  ///
  /// - Returns: whether any may have been freed, so that the pool is worth another look.
  /// - Context: no lock held; may block.
  func collectReturned() -> Bool

  /// Wakes the deferred-free worker.
  ///
  /// - Context: no lock held; does not block.
  func wakeDeferredFreeWorker()

  /// Whether the caller is being killed, so that a long allocation must stop (S1).
  var isCallerKilled: Bool { get }
}
