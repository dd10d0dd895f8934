// SPDX-License-Identifier: MIT

public import PagePools

extension BufferMemory {
  /// The shrinker of the pools (P5).
  public var poolShrinker: PoolShrinker<Host> {
    PoolShrinker(memory: self)
  }

  /// The shrinker of the deferred-free list (D4).
  public var deferredFreeShrinker: DeferredFreeShrinker<Host> {
    DeferredFreeShrinker(memory: self)
  }
}

/// Releases pooled blocks under pressure (P5), and lets the worker know if it fills pools (P9).
public struct PoolShrinker<Host: HeapHost>: Shrinker {
  let memory: BufferMemory<Host>

  /// Pages in all pools, or empty.
  public func count() -> ShrinkCount { memory.pools.count() }

  /// As ``PagePools/PoolSet/scan(_:)``.
  ///
  /// - Context: no lock held; may block.
  public func scan(_ target: PageCount) -> ShrinkOutcome {
    let outcome = memory.pools.scan(target)
    if memory.pools.isRefillDueAfterShrinking { memory.host.wakeDeferredFreeWorker() }
    return outcome
  }
}

/// Frees waiting buffers under pressure, without pooling their memory (D2, D4).
public struct DeferredFreeShrinker<Host: HeapHost>: Shrinker {
  let memory: BufferMemory<Host>

  /// Pages waiting, or empty.
  public func count() -> ShrinkCount {
    ShrinkCount(memory.deferred.waitingPages)
  }

  /// Frees the longest-waiting buffers until `target` pages are released to their source.
  ///
  /// - Context: no lock held; may block.
  public func scan(_ target: PageCount) -> ShrinkOutcome {
    memory.deferred.scan(target) { memory.freeNow($0, $1, from: .deferredFree) }
  }
}
