// SPDX-License-Identifier: MIT

import ArgumentParser
import DMAHeaps
import HeapBench

/// How large the pools of this run may grow, and what becomes of what was handed out.
struct HeapSystemOptions: ParsableArguments {
  @Option(
    help: "Most that free zeroed memory may amount to. (default: a quarter of the machine's)",
    transform: ByteSize.parseArgument)
  var poolSize: ByteSize?

  @Option(
    help: "Most that may wait to be zeroed; past it, freeing zeroes itself. (default: 256M)",
    transform: ByteSize.parseArgument)
  var deferredSize: ByteSize?

  @Flag(
    help: """
      Use memory of descriptors again once nobody has the file any more. Only for receivers that map and \
      do no more, as those here.
      """)
  var inPlace = false

  @OptionGroup var regions: RegionOptions

  /// Whether anything was asked for.
  var areGiven: Bool {
    poolSize != nil || deferredSize != nil || inPlace || regions.areGiven
  }

  /// Heaps of this process, with these limits.
  func makeSystem() throws -> HeapSystem {
    var configuration = try regions.makeConfiguration()
    if let poolSize { configuration.poolLimitByteCount = poolSize.byteCount }
    if let deferredSize { configuration.deferredLimitByteCount = deferredSize.byteCount }
    if inPlace { configuration.recycling = .inPlace }
    return try HeapSystem(configuration)
  }
}
