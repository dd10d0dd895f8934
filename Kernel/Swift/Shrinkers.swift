// SPDX-License-Identifier: MIT

// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions that C calls have the names of `glue.h`.

internal import Glue
internal import HeapFramework
internal import PagePools

/// Pages that a shrinker could free now (P5, D4).
///
/// - Context: any; takes no lock.
@c @implementation
func core_shrinker_count(_ shrinker: core_shrinker, _ node: Int32) -> UInt {
  Core.with { core in
    let pages =
      shrinker == CORE_SHRINKER_POOLS
      ? core.memory.pools.reclaimablePages(of: MemoryNode(node)) : core.memory.deferred.waitingPages
    return UInt(pages.rawValue)
  }
}

/// Frees up to so many pages, at least one block if any is there (P5, D4).
///
/// - Returns: pages freed, 0 when there was nothing.
/// - Context: reclaim: allocates nothing; may sleep.
@c @implementation
func core_shrinker_scan(
  _ shrinker: core_shrinker, _ node: Int32, _ pages: UInt
) -> UInt {
  Core.with { core in
    let target = PageCount(Int(clamping: pages))
    let freed =
      shrinker == CORE_SHRINKER_POOLS
      ? core.memory.shrinkPools(target, of: MemoryNode(node)) : core.memory.freeDeferred(target)
    return UInt(freed.rawValue)
  }
}

extension MemoryNode {
  /// A node as the glue numbers it; on a machine with one, all memory is of it.
  fileprivate init(_ number: Int32) {
    self = KernelHost().nodeCount > 1 ? MemoryNode(rawValue: Int16(clamping: number)) : .any
  }
}
