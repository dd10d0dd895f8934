// SPDX-License-Identifier: MIT

// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions that C calls have the names of `glue.h`.

internal import Glue
internal import HeapFramework
internal import PagePools

/// Everything the module has in Swift, from `core_start()` to `core_stop()`.
final class Core: Sendable {
  let memory: BufferMemory<KernelHost>
  let heaps: [OwnHeap]
  let registry: HeapRegistry<KernelHost, RegisteredHeap>

  /// Pools that other modules can have.
  static let foreignPoolCapacity = 64

  /// Kept by a shard for the gives that follow takes: 1 MiB.
  static let reservationSlack = PageCount(256)

  /// After memory was short the worker takes none for so long: 1 s, in nanoseconds.
  static let refillPause: UInt64 = 1_000_000_000

  init(_ configuration: borrowing core_configuration, orders: [Orders]) throws(Errno) {
    let sizes = orders.count + SizeClass.count(upTo: PageCount(Int(glue_largest_run())))
    let pools = PoolSet(
      source: KernelHost(), limit: PageCount(Int(clamping: unsafe configuration.page_pool_size)),
      shardCount: Int(unsafe configuration.shard_count),
      poolCapacity: sizes * KernelHost().nodeCount + Self.foreignPoolCapacity,
      reservationSlack: Self.reservationSlack)
    memory = BufferMemory(
      pools: pools, deferredLimit: PageCount(Int(clamping: unsafe configuration.deferred_limit)),
      inlineFreeLimit: PageCount(Int(clamping: unsafe configuration.inline_free_limit)),
      helpingThreshold: nil)
    heaps = unsafe try OwnHeap.makeAll(memory, configuration, orders)
    registry = HeapRegistry(machine: KernelHost())
  }

  /// Releases every page.
  func close() {
    memory.reclaimAll()
    for each in heaps { each.heap.close() }
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

/// One of the system heap's orders, and what its pool is to have in advance.
struct Orders {
  let order: Order
  let marks: Watermarks
}

extension core_configuration {
  /// The system heap's orders, found valid.
  fileprivate borrowing func checkedOrders() throws(Errno) -> [Orders] {
    var checked: [Orders] = []
    for index in 0..<Int(unsafe order_count) {
      let order = Order(rawValue: UInt8(clamping: unsafe orders[index]))
      let marks = Watermarks(
        low: Int(unsafe refill_low[index]), high: Int(unsafe refill_high[index]))
      guard let order, order.pages <= PageCount(Int(glue_largest_run())), let marks else {
        throw .invalidArgument
      }
      checked.append(Orders(order: order, marks: marks))
    }
    guard SystemHeap<KernelHost>.areValid(checked.map { $0.order }) else { throw .invalidArgument }
    return checked
  }
}

/// Starts the core; see `glue.h`.
@c @implementation
func core_start(_ configuration: UnsafePointer<core_configuration>!) -> Int32 {
  precondition(
    MemoryLayout<Allocation<KernelHost>>.size <= BufferObject.capacity,
    "an allocation fits into a buffer object")
  do throws(Errno) {
    let orders = unsafe try configuration.pointee.checkedOrders()
    Core.start(try unsafe Core(configuration.pointee, orders: orders))
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
