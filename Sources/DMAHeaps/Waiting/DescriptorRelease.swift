// SPDX-License-Identifier: MIT

public import LinuxHost

/// That nobody has the memory of a handed-out descriptor any more: neither a descriptor nor a mapping.
///
/// With ``HeapSystem/Recycling/inPlace``; it is asked for while the descriptor is open.
///
/// ```swift
/// let frame = try heap.allocateDescriptor(byteCount: 8 << 20)
/// let release = try heap.release(of: frame)
/// try frame.send(over: socket)
/// _ = consume frame
/// try await release.wait()   // the receiver has unmapped and closed it
/// ```
public struct DescriptorRelease: Sendable {
  private let release: FileRelease

  fileprivate init(_ release: FileRelease) {
    self.release = release
  }

  /// Whether nobody has the memory any more; false also when nobody can tell.
  ///
  /// - Complexity: O(1).
  public var isReleased: Bool { release.outcome == .released }

  /// Waits until nobody has the memory any more; any number of tasks may.
  ///
  /// It is told as the library learns of it: as a rule within a millisecond.
  ///
  /// - Throws: `CancellationError` when the task is cancelled;
  ///   ``HeapError/releaseUnknown(reason:)`` when nobody can tell any more: the system has ended, or the program
  ///   has closed the library's descriptors or become another user.
  /// - Context: does not block a thread.
  public func wait() async throws {
    switch await release.wait() {
    case .released: return
    case .unknown:
      throw HeapError.releaseUnknown(reason: "the library has lost sight of the memory")
    case nil: throw CancellationError()
    }
  }
}

extension Heap {
  /// Gets something to await the release of a descriptor's memory by: to pace a producer by its consumers.
  ///
  /// - Parameter descriptor: of this system's, as ``allocateDescriptor(byteCount:flags:)`` returned it, or a
  ///   duplicate of such a one.
  /// - Throws: ``HeapError/releaseUnknown(reason:)`` (ENOTSUP) where memory is not recycled in place, and for
  ///   descriptors that are not of this system; ``HeapError/usedAfterFork``.
  /// - Complexity: O(descriptors that are handed out).
  public func release(
    of descriptor: borrowing OwnedDescriptor
  ) throws(HeapError) -> DescriptorRelease {
    try checkNotForked()
    guard let watcher = system.memory.host.watcher else {
      throw .releaseUnknown(reason: "the system does not recycle in place")
    }
    guard let release = watcher.release(of: descriptor.rawValue) else {
      throw .releaseUnknown(
        reason: "descriptor \(descriptor.rawValue) is no memory that this system has handed out")
    }
    return DescriptorRelease(release)
  }
}
