// SPDX-License-Identifier: MIT

import CHeapChecks
import CLinuxShims
import Glibc

/// Failures that the kernel injects into each of its allocations in turn (FAILSLAB, FAIL_PAGE_ALLOC).
extension Check {
  static let faults: [Check] = [
    Check("fault-allocate", "each allocation inside allocate, map and close fails once", .special) {
      try failAllocations($0)
    },
    Check("fault-module", "each allocation inside loading the module fails once", .special) {
      try failLoading($0)
    },
  ]

  /// The failures that may reach a client; the last is of the copies from and to its memory.
  private static let expected: [Int32] = [ENOMEM, EAGAIN, EFAULT]

  private static func failAllocations(_ context: CheckContext) throws -> String {
    let node = try context.node
    let injector = try FailureInjector()
    let place = try PreparedPlace()
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
            failure = useOnce(node, byteCount, place, injector)
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
    _ node: HeapNode, _ byteCount: Int, _ place: PreparedPlace, _ injector: FailureInjector
  ) -> SystemFailure? {
    do throws(SystemFailure) {
      let buffer = try node.allocate(byteCount)
      defer { buffer.close() }
      let mapping = try buffer.map(
        byteCount: min(buffer.pages * pageSize, PreparedPlace.byteCount), at: place.address)
      mapping.setByte(1, at: mapping.byteCount - 1)
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

  /// Which failures to begin with when loading.
  ///
  /// The kernel's own part of loading comes first, and answers some failures with warnings. Orders that
  /// do not end with 0 are refused when the module's part begins: as many allocations as that takes,
  /// less a few for cleaning up, are the kernel's.
  private static func firstOfLoading(
    _ module: LoadableModule, _ injector: FailureInjector
  ) throws -> Int {
    var refusal: SystemFailure?
    let count = try injector.count {
      refusal = module.load("orders=1")
    }
    try require(refusal?.errorNumber == EINVAL, "orders=1: \(refusal?.description ?? "success")")
    return max(1, count - 40)
  }

  private static func failLoading(_ context: CheckContext) throws -> String {
    guard let path = context.arguments.module else { throw CheckFailure("which --module?") }
    try require(!ModuleFiles.areThere, "the module is loaded already")
    let module = LoadableModule(path: path)
    let injector = try FailureInjector()
    defer { injector.done() }
    let first = try firstOfLoading(module, injector)
    var refusals = 0
    var number = first
    while true {
      var failure: SystemFailure?
      let wasInjected = try injector.inject(number) {
        failure = module.load(context.arguments.parameters)
      }
      if let failure {
        refusals += 1
        try require(wasInjected, "\(failure), and nothing was injected")
      } else {
        // It may do without what failed; then it works.
        if let node = try? HeapNode(context.arguments.heap) { try node.allocate(69632).close() }
        try module.unload()
      }
      let isGone = Machine.wait { !TextFile.exists(context.arguments.heap) }
      try require(isGone, "failure \(number): \(context.arguments.heap) is left behind")
      try require(!TextFile.exists(ModuleFiles.debug), "failure \(number): debugfs is left behind")
      if !wasInjected { break }
      number += 1
    }
    try require(number > first, "no failure was ever injected: are the fault attributes set?")
    return "failures \(first) to \(number - 1), \(refusals) of them refused to load"
  }
}
