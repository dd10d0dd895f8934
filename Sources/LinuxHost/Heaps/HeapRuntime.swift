// SPDX-License-Identifier: MIT

internal import Glibc
package import HeapFramework
package import PagePools
internal import Synchronization

/// One set of pools with its threads: the deferred-free worker and the release watcher.
///
/// ``stop()`` must be called once, by the owner, when no buffer is live. Descriptors that were handed out
/// stay good: their files live as long as somebody has them.
package final class HeapRuntime: Sendable {
  /// The pools and the deferred-free list.
  package let memory: BufferMemory<LinuxHost>

  private let resources: HostResources
  private let threads: Mutex<Threads?>
  private let isStopping: StopFlag

  private struct Threads: ~Copyable, Sendable {
    let worker: HostThread
    let watcher: HostThread

    consuming func join() {
      worker.join()
      watcher.join()
    }
  }

  private final class StopFlag: Sendable {
    let isSet = Atomic<Bool>(false)
  }

  /// Buffers up to this size are zeroed by the thread that frees them: 256 KiB take 2 µs, and waking
  /// the worker takes longer.
  static let inlineFreeLimit = PageCount(64)

  /// A shard's slack: enough for the small blocks whose rate matters, and little memory: 256 KiB.
  static let reservationSlack = PageCount(64)

  /// Starts the threads.
  ///
  /// - Parameters:
  ///   - poolLimit: the most pages in pools (P4).
  ///   - deferredLimit: the most pages waiting to be freed (D5).
  ///   - poolCapacity: the most pools there can be.
  /// - Throws: the step that failed; nothing is left behind.
  package init(
    poolLimit: PageCount, deferredLimit: PageCount, poolCapacity: Int = 128,
    faults: FaultPlan? = nil
  ) throws(HostFailure) {
    let resources = try HostResources(poolCapacity: poolCapacity, faults: faults)
    let host = LinuxHost(resources)
    let memory = BufferMemory(
      pools: PoolSet(
        source: host, limit: poolLimit,
        shardCount: min(MachineMemory.processorCount, PoolSet<LinuxHost>.maximumShardCount),
        poolCapacity: poolCapacity, reservationSlack: Self.reservationSlack),
      deferredLimit: deferredLimit, inlineFreeLimit: Self.inlineFreeLimit)
    let isStopping = StopFlag()
    let worker = try HostThread(named: "dmaheap-free", faults: faults) {
      Self.work(memory, isStopping, faults)
    }
    do throws(HostFailure) {
      let watcher = try HostThread(named: "dmaheap-watch", faults: faults) {
        host.watcher.run()
      }
      threads = Mutex(Threads(worker: worker, watcher: watcher))
    } catch {
      isStopping.isSet.store(true, ordering: .relaxed)
      host.wakeUp.wake()
      worker.join()
      throw error
    }
    self.memory = memory
    self.resources = resources
    self.isStopping = isStopping
  }

  /// Ends the threads and gives back everything that waits; pools are left to their heaps.
  ///
  /// - Context: no lock held; blocks until the threads have ended.
  package func stop() {
    guard let threads = threads.withLock({ $0.take() }) else { return }
    let host = memory.host
    // Paired with the worker's load; the semaphore orders them.
    isStopping.isSet.store(true, ordering: .relaxed)
    host.wakeUp.wake()
    host.watcher.stop()
    threads.join()
    for block in host.watcher.abandon() {
      memory.pools.release(block, from: .buffer)
    }
    memory.reclaimAll()
  }

  /// Drops what stays of unused slabs, after the heaps have closed.
  package func close() {
    resources.slabs.close()
  }

  /// Frees what waits, at idle priority, one after the other (D3), and fills pools ahead of demand (P9).
  ///
  /// A program that frees in a loop would wake the worker each time, for a system call of 5 µs. So the
  /// worker naps before it sleeps: while it naps it looks by itself, and nobody need wake it.
  private static func work(
    _ memory: BufferMemory<LinuxHost>, _ isStopping: StopFlag, _ faults: FaultPlan?
  ) {
    HostThread.lowerPriority()
    var pace = RefillPace(
      pause: refillPause, poolCapacity: memory.pools.poolCapacity)
    var naps = 0
    while !isStopping.isSet.load(ordering: .relaxed) {
      faults?.delayWorker()
      switch memory.workerTurn(&pace, now: UInt64(MonotonicClock.now)) {
      case .worked:
        naps = 0
        memory.host.memoryCameBack()
      case .mayRest where naps < napsBeforeSleep:
        naps += 1
        usleep(napMicroseconds)
      case .mayRest(let end):
        guard memory.deferred.workerMaySleep() else { continue }
        memory.host.wakeUp.wait(until: end)
        naps = 0
      }
    }
  }

  /// 1 s after memory was short the worker takes some again.
  private static let refillPause: UInt64 = 1_000_000_000

  /// Short beside the time that large memory takes to fill.
  private static let napMicroseconds: UInt32 = 50

  /// 10 ms after the last free the worker sleeps.
  private static let napsBeforeSleep = 200
}
