// SPDX-License-Identifier: MIT

import Glibc

/// Uses the heap until the process is killed, for scripts that unload the module meanwhile.
///
/// - Returns: the exit status, if it comes to that.
func hold(_ what: Arguments.Holding, _ arguments: Arguments) -> Int32 {
  exitStatus {
    if what == .visits { visitForEver(arguments) }
    var node: HeapNode? = try HeapNode(arguments.heap)
    let buffer = what == .node ? nil : try node?.allocate(1 << 20)
    let mapping = what == .mapping ? try buffer?.map() : nil
    mapping?.fill(1)
    if what != .node { node = nil }
    if what == .mapping { buffer?.close() }
    print("holding")
    fflush(nil)
    withExtendedLifetime((node, buffer, mapping)) {
      while true { pause() }
    }
  }
}

/// Opens, allocates, writes and frees time and again, whether or not there is a module.
private func visitForEver(_ arguments: Arguments) -> Never {
  print("visiting")
  fflush(nil)
  while true {
    // What fails here fails because the module is not there, or not yet or no longer whole.
    if let node = try? HeapNode(arguments.heap), let buffer = try? node.allocate(69632) {
      if let mapping = try? buffer.map() { mapping.fill(1) }
      buffer.close()
    }
    usleep(UInt32.random(in: 100...3000))
  }
}
