// SPDX-License-Identifier: MIT

internal import Glue
internal import HeapFramework
internal import PagePools

/// What the module starts with: what the administrator has set, checked, and what the core decides where
/// nothing was set.
struct Configuration {
  /// One of the system heap's orders, and what its pool is to have in advance.
  struct Orders {
    let order: Order
    let marks: Watermarks
  }

  let policy: MemoryPolicy
  let poolLimit: PageCount
  let deferredLimit: PageCount
  let shardCount: Int
  private(set) var orders: [Orders] = []

  /// - Throws: `.invalidArgument` for orders or marks that cannot be.
  init(_ given: borrowing core_configuration) throws(Errno) {
    policy = MemoryPolicy(
      memory: PageCount(Int(clamping: unsafe given.total_pages)), pageSize: KernelHost().pageSize)
    poolLimit = unsafe Self.set(given.page_pool_size) ?? policy.poolLimit
    deferredLimit = unsafe Self.set(given.deferred_limit) ?? policy.deferredLimit
    shardCount = MemoryPolicy.shardCount(cpuCount: Int(unsafe given.cpu_count))
    let largest = PageCount(Int(glue_largest_run()))
    let wanted =
      unsafe given.order_count == 0
      ? policy.systemOrders(largest: Order(largest.rawValue.trailingZeroBitCount))
      : try unsafe Self.orders(of: given, atMost: largest)
    for index in wanted.indices {
      let low = Int(unsafe given.refill_low[index])
      let high = Int(unsafe given.refill_high[index])
      guard let marks = Watermarks(low: low, high: high == 0 ? low : high) else {
        throw .invalidArgument
      }
      orders.append(Orders(order: wanted[index], marks: marks))
    }
  }

  private static func set(_ pages: UInt) -> PageCount? {
    pages == UInt.max ? nil : PageCount(Int(clamping: pages))
  }

  private static func orders(
    of given: borrowing core_configuration, atMost largest: PageCount
  ) throws(Errno) -> [Order] {
    var orders: [Order] = []
    for index in 0..<Int(unsafe given.order_count) {
      let order = Order(rawValue: UInt8(clamping: unsafe given.orders[index]))
      guard let order, order.pages <= largest else { throw .invalidArgument }
      orders.append(order)
    }
    guard SystemHeap<KernelHost>.areValid(orders) else { throw .invalidArgument }
    return orders
  }

  /// Tells the administrator what holds.
  func write(to given: inout core_configuration) {
    unsafe given.deferred_limit = UInt(deferredLimit.rawValue)
    unsafe given.order_count = UInt32(orders.count)
    for index in orders.indices {
      unsafe given.orders[index] = UInt32(orders[index].order.rawValue)
      unsafe given.refill_high[index] = UInt32(orders[index].marks.high)
    }
  }
}
