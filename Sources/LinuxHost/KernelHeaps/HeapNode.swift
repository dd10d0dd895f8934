// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc
package import HeapFramework
internal import PagePools

/// An open node of `/dev/dma_heap`: a heap of the kernel's, whoever implements it.
///
/// The node's owner closes it; buffers that came from it live on.
package struct HeapNode: ~Copyable, Sendable {
  private let descriptor: OwnedDescriptor

  /// Opens a node.
  ///
  /// For reading, which is all that its ioctl asks for: nodes are often readable and nothing else.
  ///
  /// - Throws: ENOENT, EACCES, EMFILE, ENFILE, or what the driver answers.
  package init(path: String) throws(HostFailure) {
    descriptor = OwnedDescriptor(
      owning: try attempt(.openNode, faults: nil) {
        unsafe path.withCString { unsafe shim_open($0, O_RDONLY | O_CLOEXEC) }
      })
  }

  /// Gets a dma-buf.
  ///
  /// - Throws: ENOTTY when the node is no heap; ENOMEM, EMFILE, ENFILE, EINVAL as the heap answers.
  /// - Context: blocks.
  package borrowing func allocate(
    _ request: AllocationRequest
  ) throws(HostFailure) -> OwnedDescriptor {
    // The ABI's 24 bytes, aligned as the struct is.
    var arguments = InlineArray<3, UInt64>(repeating: 0)
    do {
      var fields = arguments.mutableSpan
      // SAFETY: every pattern of bits is a number.
      var bytes = unsafe fields.mutableBytes
      request.encode(into: &bytes, pageSize: HostPages.size)
    }
    _ = try attempt(.allocateFromNode, byteCount: request.pages.byteCount, faults: nil) {
      [node = descriptor.rawValue] in
      // SAFETY: the command names the size of the struct, which is that of the array.
      unsafe shim_ioctl(node, AllocationCommand.standard, &arguments)
    }
    // SAFETY: numbers have no padding.
    let number = AllocationRequest.descriptor(in: unsafe arguments.span.bytes)
    return OwnedDescriptor(owning: Int32(bitPattern: number))
  }
}

// MARK: - What there is

extension HeapNode {
  /// The names of the character devices in a folder, in alphabetical order.
  ///
  /// - Throws: ENOENT or ENOTDIR when there is no such folder, EACCES.
  package static func names(in folder: String) throws(HostFailure) -> [String] {
    guard let stream = unsafe opendir(folder) else { throw HostFailure(.listNodes, errno) }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      guard let name = unsafe entry.pointer(to: \.d_name) else { continue }
      // SAFETY: readdir terminates the name, and it lasts until the next call.
      names.append(
        unsafe String(cString: UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self)))
    }
    return names.filter { isCharacterDevice("\(folder)/\($0)") }.sorted()
  }

  private static func isCharacterDevice(_ path: String) -> Bool {
    var status = stat()
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFCHR
  }
}
