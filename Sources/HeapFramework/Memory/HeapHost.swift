// SPDX-License-Identifier: MIT

public import PagePools

/// What a host brings to heaps beyond a source of pages: whom buffers are charged to, and a worker.
///
/// Buffer objects are the host's own affair: the core gives blocks for one and gets them back.
public protocol HeapHost: PageSource {
  /// Whom a buffer is charged to; kept by the host with the buffer.
  associatedtype Owner: BitwiseCopyable & Sendable

  /// Charges pages to whoever asks for them, before any memory is taken (A3).
  ///
  /// - Throws: `init(_:)` of a ``PagePools/Shortage`` that names the limit, its holder and what is held; then
  ///   nothing is charged.
  /// - Context: no lock held; does not block.
  func charge(_ pages: PageCount) throws(Failure) -> Owner

  /// Takes a charge back: the buffer is gone, or could not be made.
  ///
  /// - Context: no lock held; does not block.
  func uncharge(_ pages: PageCount, _ owner: Owner)

  /// Frees buffers whose last user has gone without the host having acted on it yet.
  ///
  /// Called when a pool is found empty. A host that learns of every release at once does nothing.
  ///
  /// - Parameter limit: pages; when so much was freed, the rest is left to others: who asks for
  ///   memory does not work for everybody else (U3).
  /// - Returns: whether any may have been freed, so that the pool is worth another look.
  /// - Context: no lock held; may block.
  func collectReturned(atMost limit: PageCount) -> Bool

  /// Wakes the worker.
  ///
  /// - Context: no lock held; does not block.
  func wakeWorker()
}
