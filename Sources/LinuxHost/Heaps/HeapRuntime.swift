// SPDX-License-Identifier: MIT

package import HeapFramework
package import PagePools

/// One set of pools with its threads: the worker, the release watcher where files are used again, and where
/// something tells of memory pressure, who waits for that.
///
/// ``stop()`` must be called once, by the owner, when no buffer is live. Descriptors that were handed out
/// stay good: their files live as long as somebody has them.
package final class HeapRuntime: Sendable {
  /// The pools and the deferred-free list.
  package let memory: BufferMemory<LinuxHost>

  private let resources: HostResources
  private let threads: Locked<Threads?, FutexLock>
  private let worker: HeapWorker
  private let pressure: PressureWatcher?

  private struct Threads: ~Copyable, Sendable {
    var worker: HostThread?
    var watcher: HostThread?
    var pressure: HostThread?

    /// - Parameter canBeWoken: whether the thread that waits for signs of pressure ends now.
    mutating func join(pressureEnds canBeWoken: Bool) {
      worker.take()?.join()
      watcher.take()?.join()
      if canBeWoken { pressure.take()?.join() } else { pressure.take()?.detach() }
    }
  }

  /// Buffers up to this size are zeroed by the thread that frees them: 256 KiB take 2 µs, and waking
  /// the worker takes longer.
  static let inlineFreeLimit = PageCount(64)

  /// A shard's slack: enough for the small blocks whose rate matters, and little memory: 256 KiB.
  static let reservationSlack = PageCount(64)

  /// Starts the threads.
  ///
  /// - Parameters:
  ///   - recycling: whether files that were handed out are used again.
  ///   - followsDemand: whether files to be handed out are made ahead of demand.
  ///   - poolLimit: the most pages in pools (P4).
  ///   - deferredLimit: the most pages waiting to be freed (D5).
  ///   - poolCapacity: the most pools there can be.
  ///   - decayInterval: nanoseconds after which half of what nobody used goes back (U2); 0 for never.
  ///   - limits: what memory the process may have.
  ///   - pressure: what tells of memory pressure.
  ///   - report: is told of settings of the environment that are of no use.
  /// - Throws: the step that failed; nothing is left behind.
  package init(
    recycling: Recycling = .never, followsDemand: Bool = true, poolLimit: PageCount,
    deferredLimit: PageCount, poolCapacity: Int = 192, decayInterval: UInt64 = 0,
    limits: MemoryLimits = .ofProcess, pressure: PressureSettings = .off,
    report: @escaping @Sendable (String) -> Void = { _ in }, faults: FaultPlan? = nil
  ) throws(HostFailure) {
    let resources = try HostResources(
      recycling: recycling, poolCapacity: poolCapacity, limits: limits, faults: faults)
    let host = LinuxHost(resources)
    let memory = BufferMemory(
      pools: PoolSet(
        source: host, limit: poolLimit,
        shardCount: min(MachineMemory.processorCount, PoolSet<LinuxHost>.maximumShardCount),
        poolCapacity: poolCapacity, reservationSlack: Self.reservationSlack),
      deferredLimit: deferredLimit, inlineFreeLimit: Self.inlineFreeLimit)
    memory.pools.setBlockLimit(DescriptorLimit.mostPooled)
    let pressureWatcher =
      pressure.isOn ? try PressureWatcher(pressure, report: report, faults: faults) : nil
    let worker = HeapWorker(
      memory, followsDemand: followsDemand, decayInterval: decayInterval, limits: limits,
      pressure: pressureWatcher,
      faults: faults)
    var started = Threads()
    do throws(HostFailure) {
      started.worker = try HostThread(named: "dmaheap-free", faults: faults) { worker.run() }
      if let watcher = host.watcher {
        started.watcher = try HostThread(named: "dmaheap-watch", faults: faults) { watcher.run() }
      }
      if let pressureWatcher {
        started.pressure = try HostThread(named: "dmaheap-press", faults: faults) {
          // This thread may outlive the runtime, see `stop`.
          withExtendedLifetime(resources) {
            pressureWatcher.run { memory.relievePressure() }
            // From now on it may be the worker who looks.
            host.wakeUp.wake()
          }
        }
      }
    } catch {
      worker.stop()
      host.watcher?.stop()
      started.join(pressureEnds: true)
      throw error
    }
    threads = Locked(started)
    self.memory = memory
    self.resources = resources
    self.worker = worker
    self.pressure = pressureWatcher
  }

  /// Ends the threads and gives back everything that waits; pools are left to their heaps.
  ///
  /// - Context: no lock held; blocks until the threads have ended.
  package func stop() {
    guard var threads = threads.withLock({ $0.take() }) else { return }
    let host = memory.host
    worker.stop()
    host.watcher?.stop()
    threads.join(pressureEnds: pressure?.stop() ?? true)
    host.watcher?.abandon()
    memory.reclaimAll()
  }

  /// Whether somebody must look whether memory is short, because nothing tells.
  package var isBlindToPressure: Bool { pressure?.isBlind ?? false }

  /// How often the thread that waits for signs of pressure has woken up.
  package var pressureWakeUpCount: Int { pressure?.wakeUpCount ?? 0 }

  /// Drops what stays of unused slabs, after the heaps have closed.
  package func close() {
    resources.slabs.close()
  }
}
