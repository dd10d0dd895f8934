// SPDX-License-Identifier: MIT

// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions that C calls have the names of `glue.h`.

internal import Glue
internal import HeapFramework
internal import PagePools

/// Everything the module has in Swift, from `core_start()` to `core_stop()`.
final class Core: Sendable {
  let memory: BufferMemory<KernelHost>
  let heaps = OwnHeaps()
  let ledger: ClientLedger<SpinLock>
  let refusals = Locked<RefusalLog, SpinLock>(RefusalLog(interval: RefusalLog.standardInterval))
  let registry: HeapRegistry<KernelHost, RegisteredHeap>

  /// Pools that other modules can have.
  static let foreignPoolCapacity = 64

  /// After memory was short the worker takes none for so long: 1 s, in nanoseconds.
  static let refillPause: UInt64 = 1_000_000_000

  init(_ configuration: Configuration) throws(Errno) {
    let policy = configuration.policy
    let sizes =
      configuration.orders.count + SizeClass.count(upTo: PageCount(Int(glue_largest_run())))
    let pools = PoolSet(
      source: KernelHost(), limit: configuration.poolLimit, shardCount: configuration.shardCount,
      poolCapacity: (sizes + OwnHeaps.capacity) * KernelHost().nodeCount
        + Self.foreignPoolCapacity,
      reservationSlack: policy.reservationSlack)
    memory = BufferMemory(
      pools: pools, deferredLimit: configuration.deferredLimit,
      inlineFreeLimit: policy.inlineFreeLimit, helpingThreshold: nil)
    ledger = ClientLedger(
      totalLimit: policy.totalLimit, clientLimit: policy.clientLimit,
      userCapacity: Self.userCapacity, processCapacity: Self.processCapacity,
      shardCount: configuration.shardCount, slack: policy.reservationSlack)
    registry = HeapRegistry(machine: KernelHost())
    try makeHeaps(configuration)
  }

  /// Releases every page.
  func close() {
    memory.reclaimAll()
    for index in 0..<heaps.count { heaps[index].heap.close() }
  }

  // Set before the first caller can come, cleared after the last has gone: the module's init and exit.
  private nonisolated(unsafe) static var current: Unmanaged<Core>?

  /// The core, for those who are called between `core_start()` and `core_stop()`.
  ///
  /// Nobody counts references on the way: the core outlives all its callers.
  static func with<R, E: Error>(_ body: (Core) throws(E) -> R) throws(E) -> R {
    guard let current = unsafe current else { preconditionFailure("the core is not running") }
    let result = unsafe current._withUnsafeGuaranteedRef { core -> Result<R, E> in
      do throws(E) { return .success(try body(core)) } catch { return .failure(error) }
    }
    return try result.get()
  }

  static func start(_ core: Core) {
    unsafe current = Unmanaged.passRetained(core)
  }

  static func stop() {
    guard let core = unsafe current else { return }
    unsafe current = nil
    unsafe core.takeRetainedValue().close()
  }
}

/// Starts the core; see `glue.h`.
@c @implementation
func core_start(_ configuration: UnsafeMutablePointer<core_configuration>!) -> Int32 {
  precondition(
    MemoryLayout<Allocation<KernelHost>>.size <= BufferObject.capacity,
    "an allocation fits into a buffer object")
  do throws(Errno) {
    let checked = try unsafe Configuration(configuration.pointee)
    Core.start(try Core(checked))
    unsafe checked.write(to: &configuration.pointee)
    return 0
  } catch {
    return Int32(error.negative)
  }
}

/// Stops the core; see `glue.h`.
@c @implementation
func core_stop() {
  Core.stop()
}
