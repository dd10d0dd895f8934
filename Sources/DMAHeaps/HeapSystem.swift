// SPDX-License-Identifier: MIT

package import HeapFramework
package import LinuxHost
internal import PagePools
internal import Synchronization

/// The heaps of this process: memory sources, pools, and threads that free in the background.
///
/// Most programs use ``shared()``, through ``Heap/init(named:)``. A system of its own has its own pools
/// and limits; it stops and gives everything back when its last ``Heap`` and ``Buffer`` are gone.
/// Descriptors outlive it.
///
/// After fork(2), the child must not use the parent's systems: calls throw ``HeapError/usedAfterFork``,
/// and buffers that go away in the child are left to the parent. Descriptors work in either. A child's own
/// system can wait for ever for a lock of the runtime that a thread of the parent had: execute a program for it.
public final class HeapSystem: Sendable {
  private let runtime: HeapRuntime
  private let registry: HeapRegistry<LinuxHost, any ProcessHeap>
  private let forkGuard: ForkGuard
  private let heaps: ProcessHeaps

  /// Limits of a system.
  public struct Configuration: Sendable {
    /// The most memory in pools, in bytes (P4); rounded down to pages, 0 turns pooling off.
    ///
    /// A quarter of what this process may have unless set: of the machine's memory, or of what its control groups
    /// and resource limits leave of it.
    public var poolLimitByteCount: Int

    /// The most memory that waits to be zeroed, in bytes (D5); rounded down to pages.
    ///
    /// 256 MiB unless set, at most an eighth of what this process may have.
    public var deferredLimitByteCount: Int

    /// What becomes of memory of which a descriptor left the library; ``Recycling/never`` unless set.
    public var recycling = Recycling.never

    /// Whether memory for descriptors is made ahead of demand, as much as was handed out lately (P9); otherwise
    /// only as much as ``Heap/keepReady(low:high:byteCount:for:)`` asks for.
    public var followsDemand = true

    /// After how long half of what is pooled and was not used meanwhile goes back, then half of the rest,
    /// until nothing is left but what is kept ready (U2); nil: never by itself.
    ///
    /// 10 s unless set.
    public var decayInterval: Duration? = .seconds(10)

    /// Whether memory that waits or is pooled goes back when memory is short elsewhere (U2).
    ///
    /// The first of these that there is tells: `$MEMORY_PRESSURE_WATCH`, as systemd sets it, where `/dev/null`
    /// turns it off; the pressure file of the process's control group; `/proc/pressure/memory`. Else what is
    /// available is looked at every few seconds while something is pooled.
    public var heedsMemoryPressure = true

    /// Memory that is set aside, with heaps of its own; none unless set.
    public var regions: [RegionConfiguration] = []

    /// The defaults.
    public init() {
      let policy = MemoryPolicy(MemoryLimits.ofProcess.allowance())
      poolLimitByteCount = policy.poolLimit.byteCount
      deferredLimitByteCount = min(256 << 20, policy.memory.byteCount / 8)
    }
  }

  /// What becomes of memory of which a descriptor left the library.
  public enum Recycling: Sendable {
    /// It serves nobody else. When all its holders are gone, the kernel has it back by itself; descriptors
    /// are made of new memory, ahead of demand.
    case never

    /// Memory of ``Heap/allocateDescriptor(byteCount:flags:)`` is zeroed and handed out again once nobody has its
    /// file any more: no descriptor, no mapping. Buffers that were exported are as with ``never``.
    ///
    /// Only for programs whose receivers do nothing but map, read and write: whoever else gets the memory later
    /// shares it with those who still have its *pages*, of which the kernel does not tell:
    /// - splice(2), vmsplice(2), tee(2), sendfile(2) and MSG_ZEROCOPY, while the data is under way;
    /// - buffers registered with io_uring, RDMA or a device (O_DIRECT, V4L2, VFIO), while registered;
    /// - descriptors opened with O_PATH, which can be opened for real at any time;
    /// - forked children of receivers, and /proc/PID/mem of any process that has it mapped.
    ///
    /// Needs leases (fs.leases-enable) and inotify watches, one for each file; after setuid(2) nothing comes
    /// back any more. Files have mode 0600.
    case inPlace
  }

  /// Starts a system.
  ///
  /// - Throws: ``HeapError`` naming the limit in the way: EMFILE, ENFILE, ENOMEM, EAGAIN, or EINVAL for a
  ///   negative limit.
  /// - Context: starts one to three threads: the worker, one for ``Recycling/inPlace``, and one that waits for signs
  ///   of memory pressure; blocks.
  public convenience init(
    _ configuration: Configuration = Configuration()
  ) throws(HeapError) {
    try self.init(configuration, faults: nil)
  }

  package init(_ configuration: Configuration, faults: FaultPlan?) throws(HeapError) {
    guard configuration.poolLimitByteCount >= 0 else {
      throw .invalidSize(byteCount: configuration.poolLimitByteCount)
    }
    guard configuration.deferredLimitByteCount >= 0 else {
      throw .invalidSize(byteCount: configuration.deferredLimitByteCount)
    }
    // Less than a millisecond is no time to be idle.
    let decayInterval = configuration.decayInterval.map { max($0, .milliseconds(1)) } ?? .zero
    do throws(HostFailure) {
      forkGuard = try ForkGuard()
      runtime = try HeapRuntime(
        recycling: configuration.recycling == .inPlace ? .inPlace : .never,
        followsDemand: configuration.followsDemand,
        poolLimit: PageCount(inBytes: configuration.poolLimitByteCount),
        deferredLimit: PageCount(inBytes: configuration.deferredLimitByteCount),
        decayInterval: UInt64(min(decayInterval / .nanoseconds(1), 1e18)),
        pressure: configuration.heedsMemoryPressure ? .ofProcess : .off,
        report: Complaints.print, faults: faults)
    } catch {
      throw HeapError(error)
    }
    registry = HeapRegistry(machine: runtime.memory.host)
    do throws(HeapError) {
      heaps = try ProcessHeaps(configuration.regions, of: runtime.memory, in: registry)
    } catch {
      runtime.stop()
      runtime.close()
      throw error
    }
  }

  deinit {
    guard !isForkedChild else {
      // Threads and mappings are the parent's: running their destructors would unmap what the child
      // may have mapped there since.
      unsafe _ = Unmanaged.passRetained(runtime)
      unsafe _ = Unmanaged.passRetained(registry)
      return
    }
    runtime.stop()
    heaps.close()
    runtime.close()
  }

  /// The process-wide system, started at the first call and kept.
  ///
  /// Of threads that call first at the same time, each starts one, and all but one of those end at once:
  /// nobody waits for a lock, which another thread may have held when this process was forked.
  ///
  /// - Throws: why it could not start; the next call tries again.
  /// - Context: the first call as ``init(_:)``; one load afterwards.
  public static func shared() throws(HeapError) -> HeapSystem {
    if let system = sharedSystem.load() { return system }
    return sharedSystem.storeIfNil(try HeapSystem())
  }

  private static let sharedSystem = AtomicLazyReference<HeapSystem>()
}

// MARK: - Heaps

extension HeapSystem {
  /// Finds a heap by its name or an alias.
  ///
  /// - Throws: ``HeapError/unknownHeap(name:available:)`` or ``HeapError/absentHeap(name:reason:)``
  ///   (both ENODEV).
  public func heap(named name: String) throws(HeapError) -> Heap {
    Heap(system: self, name: heapName(of: name), use: try use(name))
  }

  /// The heaps there are, then those one could expect and the reasons why they are absent.
  public var descriptions: [HeapDescription] {
    HeapCatalog.listing(own: ownDescriptions, kernelHeaps: [])
  }

  /// The system's own heaps.
  var ownDescriptions: [HeapDescription] { heaps.descriptions }

  func use(_ name: String) throws(HeapError) -> HeapUse<LinuxHost, any ProcessHeap> {
    try checkNotForked()
    guard let use = registry.lookup(try ProcessHeaps.heapName(name)) else {
      let absent = descriptions.first { $0.name == name || $0.aliases.contains(name) }
      if let reason = absent?.absenceReason { throw .absentHeap(name: name, reason: reason) }
      throw .unknownHeap(name: name, available: heaps.entries.map(\.name))
    }
    return use
  }

  /// The heap's own name, for a name or an alias.
  func heapName(of name: String) -> String { heaps.entry(named: name)?.name ?? name }
}

// MARK: - Memory

extension HeapSystem {
  /// Gives memory that waits or is pooled back to the kernel.
  ///
  /// - Parameter byteCount: how much at least, as far as there is so much; all there is unless set.
  /// - Returns: bytes given back.
  /// - Context: blocks.
  @discardableResult
  public func reclaim(byteCount: Int = .max) -> Int {
    guard !isForkedChild, byteCount > 0 else { return 0 }
    let pages = PageCount(inBytes: byteCount - 1) + PageCount(1)
    return runtime.memory.reclaim(pages).byteCount
  }

  /// What the system has and does, at one instant (A1).
  ///
  /// - Complexity: O(pools).
  public func statistics() -> HeapStatistics {
    guard !isForkedChild else { return HeapStatistics() }
    return HeapStatistics(
      memory: runtime.memory, heaps: heaps.entries.map { ($0.name, $0.heap.counts()) })
  }

  /// The pools, the deferred-free list and the accounts, for tests.
  package var memory: BufferMemory<LinuxHost> { runtime.memory }

  /// Those who wait for memory.
  var waiters: MemoryWaiters { runtime.memory.host.waiters }

  /// The fork guard, for heaps, which keep their system alive.
  var forkGuardView: ForkGuard.View { forkGuard.view }

  var isForkedChild: Bool { forkGuard.isForkedChild }

  func checkNotForked() throws(HeapError) {
    guard !isForkedChild else { throw .usedAfterFork }
  }
}
