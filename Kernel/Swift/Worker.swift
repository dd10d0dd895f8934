// SPDX-License-Identifier: MIT

// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions that C calls have the names of `glue.h`.

internal import Glue
internal import HeapFramework
internal import PagePools

/// The deferred-free worker, from its start to its stop (D3).
///
/// - Context: the worker's thread; sleeps.
@c @implementation
func core_work() {
  Core.with { core in
    while !glue_worker_must_stop() {
      while !glue_worker_must_stop(), core.memory.freeOldestDeferred() {
        glue_worker_yield()
      }
      if core.memory.deferred.workerMaySleep() { glue_worker_sleep() }
    }
  }
}
