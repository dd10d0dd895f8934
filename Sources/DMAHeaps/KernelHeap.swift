// SPDX-License-Identifier: MIT

internal import Glibc
public import HeapFramework
public import LinuxHost
internal import PagePools

/// A heap of the kernel's, a node of `/dev/dma_heap`: its buffers are dma-bufs, which devices can use.
///
/// ```swift
/// let heap = try KernelHeap(named: "system")
/// let buffer = try heap.allocateDescriptor(byteCount: 8 << 20)
/// ```
///
/// It makes no difference which driver made the node. Nothing is pooled on this side: what an
/// allocation costs is up to the kernel. Threads may share a heap; it works in forked children, too.
public final class KernelHeap: Sendable {
  /// Where the kernel's heaps are.
  public static let folder = "/dev/dma_heap"

  /// The heap's name, which is the node's.
  public let name: String

  /// The node's path.
  public let node: String

  private let openNode: HeapNode

  /// Opens the node of a heap.
  ///
  /// - Throws: ``HeapError/unknownKernelHeap(node:available:)`` or ``HeapError/absentHeap(name:reason:)``
  ///   (both ENODEV), ``HeapError/invalidName(_:reason:)`` (EINVAL, ENAMETOOLONG),
  ///   ``HeapError/kernelHeapFailed(heap:node:call:errorNumber:)`` (EACCES, for example), or the limit
  ///   that is reached (EMFILE, ENFILE).
  /// - Context: blocks.
  public convenience init(named name: String) throws(HeapError) {
    try self.init(named: name, in: Self.folder)
  }

  /// Opens a node of another folder, for tests.
  package init(named name: String, in folder: String) throws(HeapError) {
    do throws(HeapNameError) {
      _ = try HeapName(utf8: name.utf8)
    } catch {
      throw HeapError(error, name: name)
    }
    self.name = name
    node = "\(folder)/\(name)"
    do throws(HostFailure) {
      openNode = try HeapNode(path: node)
    } catch {
      guard error.errorNumber == ENOENT || error.errorNumber == ENOTDIR else {
        throw HeapError(error, heap: name, node: node)
      }
      // Not there: either no heap at all is, or the others are worth naming.
      let available: [String]
      do throws(HostFailure) {
        available = try HeapNode.names(in: folder)
      } catch {
        throw .absentHeap(name: name, reason: Self.absenceReason(folder, error))
      }
      throw .unknownKernelHeap(node: node, available: available)
    }
  }

  /// The same heap through a node of its own: threads that use one each share no reference count.
  package func reopened() throws(HeapError) -> KernelHeap {
    try KernelHeap(named: name, in: String(node.dropLast(name.utf8.count + 1)))
  }
}

// MARK: - Buffers

extension KernelHeap {
  /// Gets a dma-buf, zeroed as the kernel's heaps promise; closing its last copy is the release.
  ///
  /// - Parameters:
  ///   - byteCount: 1 or more; rounded up to pages.
  ///   - flags: `O_CLOEXEC` and an access mode.
  /// - Throws: ``HeapError``: EINVAL for a size of 0 or less and for other flags, ENOMEM, EMFILE, ENFILE;
  ///   ENOTTY when the node is no heap; what else the driver answers, with the node's path.
  /// - Context: any thread; blocks.
  public func allocateDescriptor(
    byteCount: Int, flags: DescriptorFlags = [.closeOnExec, .readWrite]
  ) throws(HeapError) -> OwnedDescriptor {
    guard byteCount > 0 else { throw .invalidSize(byteCount: byteCount) }
    let request: AllocationRequest
    do throws(RequestError) {
      request = try AllocationRequest(
        length: ByteCount(UInt64(byteCount)), descriptorFlags: flags.rawValue,
        pageSize: HostPages.size)
    } catch {
      throw HeapError(error)
    }
    do throws(HostFailure) {
      return try openNode.allocate(request)
    } catch {
      throw HeapError(error, heap: name, node: node)
    }
  }

  /// The size of a buffer of this heap, in bytes.
  ///
  /// - Throws: ``HeapError/kernelHeapFailed(heap:node:call:errorNumber:)`` (ESPIPE) when it is no buffer.
  public func byteCount(of buffer: borrowing OwnedDescriptor) throws(HeapError) -> Int {
    do throws(HostFailure) {
      return try DMABuffer.byteCount(of: buffer)
    } catch {
      throw HeapError(error, heap: name, node: node)
    }
  }

  /// Begins an access by the CPU to a buffer that devices use, too (`DMA_BUF_IOCTL_SYNC`).
  ///
  /// - Throws: ``HeapError/kernelHeapFailed(heap:node:call:errorNumber:)``.
  /// - Context: blocks until devices have finished.
  public func beginAccess(
    to buffer: borrowing OwnedDescriptor, _ access: BufferAccess
  ) throws(HeapError) {
    try synchronize(buffer, .begin, access)
  }

  /// Ends an access that ``beginAccess(to:_:)`` began.
  ///
  /// - Throws: ``HeapError/kernelHeapFailed(heap:node:call:errorNumber:)``.
  public func endAccess(
    to buffer: borrowing OwnedDescriptor, _ access: BufferAccess
  ) throws(HeapError) {
    try synchronize(buffer, .end, access)
  }

  private func synchronize(
    _ buffer: borrowing OwnedDescriptor, _ bracket: DMABuffer.Bracket, _ access: BufferAccess
  ) throws(HeapError) {
    do throws(HostFailure) {
      try DMABuffer.synchronize(buffer, bracket, access.direction)
    } catch {
      throw HeapError(error, heap: name, node: node)
    }
  }
}

extension BufferAccess {
  /// The access as the kernel knows it.
  var direction: DMABuffer.Access {
    switch self {
    case .read: .read
    case .write: .write
    case .readWrite: .readWrite
    }
  }
}

// MARK: - What there is

extension KernelHeap {
  /// The kernel's heaps there are; without any, `system` and why it is absent.
  ///
  /// A heap whose node this process may not open is described with that reason.
  public static func descriptions() -> [HeapDescription] { descriptions(in: folder) }

  package static func descriptions(in folder: String) -> [HeapDescription] {
    let names: [String]
    do throws(HostFailure) {
      names = try HeapNode.names(in: folder)
    } catch {
      return [describe("system", absenceReason: absenceReason(folder, error))]
    }
    guard !names.isEmpty else {
      return [describe("system", absenceReason: "\(folder): no nodes")]
    }
    return names.map { name in
      do throws(HostFailure) {
        _ = try HeapNode(path: "\(folder)/\(name)")
        return describe(name, absenceReason: nil)
      } catch {
        return describe(name, absenceReason: absenceReason("\(folder)/\(name)", error))
      }
    }
  }

  private static func describe(_ name: String, absenceReason: String?) -> HeapDescription {
    HeapDescription(
      name: name, aliases: [], source: "kernel", capabilities: ["descriptor", "zeroed"],
      absenceReason: absenceReason)
  }

  private static func absenceReason(_ path: String, _ failure: HostFailure) -> String {
    "\(path): \(HeapError.message(failure.errorNumber))"
  }
}

extension HeapError {
  /// A failure on a kernel heap: the limit in the way, or heap, node, call and errno.
  fileprivate init(_ failure: HostFailure, heap: String, node: String) {
    let general = HeapError(failure, requestedByteCount: failure.byteCount)
    if case .systemCallFailed(let call, let errorNumber) = general {
      self = .kernelHeapFailed(heap: heap, node: node, call: call, errorNumber: errorNumber)
    } else {
      self = general
    }
  }
}
