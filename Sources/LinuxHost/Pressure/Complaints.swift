// SPDX-License-Identifier: MIT

internal import Glibc
internal import Synchronization

/// What is wrong with the environment, told to whoever runs the program: on standard error, one line in
/// the life of a process, however many systems of heaps it has.
package enum Complaints {
  private static let isTold = Atomic<Bool>(false)

  /// Prints a line, unless one was printed.
  package static func print(_ complaint: String) {
    guard !isTold.exchange(true, ordering: .relaxed) else { return }
    let line = "dmaheap: warning: \(complaint)\n"
    unsafe write(STDERR_FILENO, line, line.utf8.count)
  }
}
