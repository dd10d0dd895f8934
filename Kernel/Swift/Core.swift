// SPDX-License-Identifier: MIT

// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions that C calls have the names of `glue.h`.

internal import Glue
internal import HeapFramework
internal import PagePools

/// Everything the module has in Swift, from `core_start()` to `core_stop()`.
final class Core: Sendable {
  let memory: BufferMemory<KernelHost>
  let system: SystemHeap<KernelHost>
  let contiguous: ContiguousHeap<KernelHost>
  let registry: HeapRegistry<KernelHost, RegisteredHeap>

  /// Pools there can be: three orders, some fifty sizes of runs, and other modules'.
  static let poolCapacity = 256

  /// Kept by a shard for the gives that follow takes: 1 MiB.
  static let reservationSlack = PageCount(256)

  /// After memory was short the worker takes none for so long: 1 s, in nanoseconds.
  static let refillPause: UInt64 = 1_000_000_000

  init(_ configuration: borrowing core_configuration, orders: [Order]) throws(Errno) {
    let pools = PoolSet(
      source: KernelHost(), limit: PageCount(Int(clamping: unsafe configuration.page_pool_size)),
      shardCount: Int(unsafe configuration.shard_count), poolCapacity: Self.poolCapacity,
      reservationSlack: Self.reservationSlack)
    memory = BufferMemory(
      pools: pools, deferredLimit: PageCount(Int(clamping: unsafe configuration.deferred_limit)),
      inlineFreeLimit: PageCount(Int(clamping: unsafe configuration.inline_free_limit)),
      helpingThreshold: nil)
    let system = SystemHeap(
      memory: memory, attributes: .system, orders: orders,
      largest: PageCount(Int(clamping: unsafe configuration.total_pages)))
    let contiguous = ContiguousHeap(
      memory: memory, attributes: .contiguous, largest: PageCount(Int(glue_largest_run())))
    guard let system, let contiguous else { throw .noSpace }
    self.system = system
    self.contiguous = contiguous
    registry = HeapRegistry(host: KernelHost())
  }

  /// Releases every page.
  func close() {
    memory.reclaimAll()
    system.close()
    contiguous.close()
  }

  // Set before the first caller can come, cleared after the last has gone: the module's init and exit.
  private nonisolated(unsafe) static var current: Unmanaged<Core>?

  /// The core, for those who are called between `core_start()` and `core_stop()`.
  ///
  /// Nobody counts references on the way: the core outlives all its callers.
  static func with<R>(_ body: (Core) -> R) -> R {
    guard let current = unsafe current else { preconditionFailure("the core is not running") }
    return unsafe current._withUnsafeGuaranteedRef { body($0) }
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
func core_start(_ configuration: UnsafePointer<core_configuration>!) -> Int32 {
  precondition(
    MemoryLayout<BlockChain<KernelHost>>.size <= BufferObject.chainCapacity,
    "a chain fits into a buffer object")
  let given = unsafe configuration.pointee
  do throws(Errno) {
    var orders: [Order] = []
    var watermarks: [Watermarks] = []
    for index in 0..<Int(unsafe given.order_count) {
      let order = Order(rawValue: UInt8(clamping: unsafe given.orders[index]))
      guard let order, order.pages <= PageCount(Int(glue_largest_run())) else {
        throw .invalidArgument
      }
      orders.append(order)
      let marks = Watermarks(
        low: Int(unsafe given.refill_low[index]), high: Int(unsafe given.refill_high[index]))
      guard let marks else { throw .invalidArgument }
      watermarks.append(marks)
    }
    guard SystemHeap<KernelHost>.areValid(orders) else { throw .invalidArgument }
    let core = try unsafe Core(given, orders: orders)
    for (order, marks) in zip(orders, watermarks) {
      core.system.setWatermarks(marks, of: order)
    }
    Core.start(core)
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
