// SPDX-License-Identifier: MIT

import Glibc

/// Uses the heap until time is up or the process is killed, for scripts that unload the module meanwhile.
///
/// - Returns: the exit status, if it comes to that.
func hold(_ what: Arguments.Holding, _ arguments: Arguments) -> Int32 {
  exitStatus {
    let end = Machine.now() + arguments.seconds
    if what == .visits { return visit(arguments, until: end) }
    var node: HeapNode? = try HeapNode(arguments.heap)
    let buffer = what == .node ? nil : try node?.allocate(1 << 20)
    let mapping = what == .mapping ? try buffer?.map() : nil
    mapping?.fill(1)
    if what != .node { node = nil }
    if what == .mapping { buffer?.close() }
    print("holding")
    fflush(nil)
    withExtendedLifetime((node, buffer, mapping)) {
      while Machine.now() < end { usleep(10_000) }
    }
  }
}

/// Opens, allocates, writes and frees time and again, whether or not there is a module.
private func visit(_ arguments: Arguments, until end: Double) {
  while Machine.now() < end {
    // What fails here fails because the module is not there, or not yet or no longer whole.
    if let node = try? HeapNode(arguments.heap), let buffer = try? node.allocate(69632) {
      if let mapping = try? buffer.map() { mapping.fill(1) }
      buffer.close()
    }
    usleep(UInt32.random(in: 100...3000))
  }
}
