// SPDX-License-Identifier: MIT

import DMAHeaps
import Foundation

/// Makes the kernel give back what it keeps: its shrinkers run until they find next to nothing.
///
/// Pools of heaps are among it, which is the point, and so are directory entries and inodes.
///
/// - Source: Linux, Documentation/admin-guide/sysctl/vm.rst, `drop_caches`.
struct CacheDrop {
  static let path = "/proc/sys/vm/drop_caches"

  private final class File: Sendable {
    let descriptor: OwnedDescriptor

    init(_ descriptor: consuming OwnedDescriptor) {
      self.descriptor = descriptor
    }
  }

  private let file: File

  /// Opens the kernel's switch.
  ///
  /// - Throws: EACCES for all but root, ENOENT where there is no such switch.
  init(path: String = Self.path) throws(BenchFailure) {
    let descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw .systemCall("--cold: opening \(path)", errorNumber: errno)
    }
    file = File(OwnedDescriptor(owning: descriptor))
    // From here on the kernel keeps quiet about it: a line in its log for each cycle would be part of
    // what is measured.
    try write("4")
  }

  /// Drops reclaimable slab objects, and with them what shrinkers give.
  func callAsFunction() throws(BenchFailure) { try write("2") }

  private func write(_ text: StaticString) throws(BenchFailure) {
    // At offset 0 each time: the kernel ignores what is written further behind.
    let count = unsafe pwrite(
      file.descriptor.rawValue, text.utf8Start, text.utf8CodeUnitCount, 0)
    guard count == text.utf8CodeUnitCount else {
      throw .systemCall("--cold: writing \(Self.path)", errorNumber: errno)
    }
  }
}
