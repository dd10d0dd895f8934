// SPDX-License-Identifier: MIT

// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions that C calls have the names of `glue.h`.

internal import Glue
internal import HeapFramework
internal import PagePools

/// The worker, from its start to its stop: it frees what waits (D3) and fills pools ahead of demand (P9).
///
/// - Context: the worker's thread; sleeps.
@c @implementation
func core_work() {
  Core.with { core in
    var pace = RefillPace(
      pause: Core.refillPause, poolCapacity: core.memory.pools.poolCapacity)
    while !glue_worker_must_stop() {
      switch core.memory.workerTurn(&pace, now: glue_now()) {
      case .worked:
        glue_worker_yield()
      case .mayRest(let end):
        if core.memory.deferred.workerMaySleep() { glue_worker_sleep(end ?? UInt64.max) }
      }
    }
  }
}
