// SPDX-License-Identifier: MIT

import CHeapChecks
import CLinuxShims
import Glibc

/// Failures injected by the kernel into each of its allocations in turn (FAILSLAB, FAIL_PAGE_ALLOC).
extension Check {
  static let faults: [Check] = [
    Check("fault-allocate", "each allocation inside allocate, map and close fails once", .special) {
      try failAllocations($0)
    },
    Check("fault-module", "each allocation inside loading the module fails once", .special) {
      try failLoading($0)
    },
  ]

  /// `/proc/self/fail-nth`: the n-th failure to come hits the calling thread.
  private struct Injector {
    private let descriptor: Int32

    init() throws {
      descriptor = shim_open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC)
      guard descriptor >= 0 else {
        throw CheckSkipped(reason: "no /proc/self/fail-nth: the kernel cannot inject failures")
      }
    }

    func done() { close(descriptor) }

    /// Runs `body` with the n-th failure injected; whether there was an n-th to inject.
    func inject(_ number: Int, _ body: () throws -> Void) throws -> Bool {
      try set(number)
      defer { try? set(0) }
      try body()
      return try remaining() == 0
    }

    /// Works as usual from now on, so that cleaning up cannot fail.
    func set(_ number: Int) throws(SystemFailure) {
      let text = Array("\(number)".utf8)
      if pwrite(descriptor, text, text.count, 0) < 0 { throw SystemFailure("write fail-nth") }
    }

    private func remaining() throws -> Int {
      var text = [UInt8](repeating: 0, count: 16)
      let count = pread(descriptor, &text, text.count, 0)
      guard count > 0 else { throw SystemFailure("read fail-nth") }
      let digits = text[..<count].prefix { $0 >= 0x30 && $0 <= 0x39 }
      return digits.reduce(0) { $0 * 10 + Int($1) - 0x30 }
    }
  }

  /// The failures that may reach a client; the last is of the copies from and to its memory.
  private static let expected: [Int32] = [ENOMEM, EAGAIN, EFAULT]

  private static func failAllocations(_ context: CheckContext) throws -> String {
    let node = try context.node
    let injector = try Injector()
    defer { injector.done() }
    var injections = 0
    var refusals = 0
    for byteCount in try context.fitting([4096, 69632, (1 << 20) + 69632, 8 << 20]) {
      for isCold in Shrinkers.areThere ? [true, false] : [false] {
        var number = 1
        while true {
          if isCold { try Shrinkers.empty() }
          let what = "failure \(number) of \(byteCount) bytes"
          let baseline = try Baseline()
          var failure: SystemFailure?
          let wasInjected = try injector.inject(number) {
            failure = useOnce(node, byteCount, injector)
          }
          if let failure {
            try require(
              expected.contains(failure.errorNumber), "\(what): \(failure)")
            refusals += 1
          }
          try baseline.requireReturn(what)
          if !wasInjected {
            try require(failure == nil, "\(what): nothing was injected, yet \(failure as Any)")
            break
          }
          injections += 1
          number += 1
          try require(number < 10_000, "ten thousand allocations for \(byteCount) bytes")
        }
      }
    }
    try require(injections > 0, "no failure was ever injected: are the fault attributes set?")
    return "\(injections) failures, of which \(refusals) reached the client"
  }

  /// One life of a buffer; what failed in it.
  private static func useOnce(
    _ node: HeapNode, _ byteCount: Int, _ injector: Injector
  ) -> SystemFailure? {
    do throws(SystemFailure) {
      let buffer = try node.allocate(byteCount)
      defer { buffer.close() }
      let mapping = try buffer.map()
      mapping.setByte(1, at: byteCount - 1)
      do throws(SystemFailure) {
        try mapping.unmap()
      } catch {
        try injector.set(0)
        try mapping.unmap()
        throw error
      }
      return nil
    } catch {
      return error
    }
  }

  private static func failLoading(_ context: CheckContext) throws -> String {
    guard let path = context.arguments.module else { throw CheckFailure("which --module?") }
    try require(!ModuleFiles.areThere, "the module is loaded already")
    let injector = try Injector()
    defer { injector.done() }
    var refusals = 0
    var number = 1
    while true {
      let module = shim_open(path, O_RDONLY | O_CLOEXEC)
      guard module >= 0 else { throw SystemFailure("open \(path)") }
      defer { close(module) }
      var result: Int32 = 0
      var error: Int32 = 0
      let wasInjected = try injector.inject(number) {
        result = checks_load_module(module, context.arguments.parameters)
        error = errno
      }
      if result == 0 {
        // It may do without what failed; then it works.
        if TextFile.exists(context.arguments.heap) {
          let node = try? HeapNode(context.arguments.heap)
          try node?.allocate(69632).close()
        }
        // The node is closed by now; nothing else keeps the module.
        if checks_unload_module("swift_dma_heaps") != 0 { throw SystemFailure("unload") }
      } else {
        refusals += 1
        try require(
          wasInjected, "loading failed with \(errorName(error)) and nothing was injected")
      }
      let isGone = Machine.wait { !TextFile.exists(context.arguments.heap) }
      try require(isGone, "failure \(number): \(context.arguments.heap) is left behind")
      try require(!TextFile.exists(ModuleFiles.debug), "failure \(number): debugfs is left behind")
      if !wasInjected { break }
      number += 1
    }
    try require(number > 1, "no failure was ever injected: are the fault attributes set?")
    return "\(number - 1) failures, \(refusals) of them refused to load"
  }
}
