// SPDX-License-Identifier: MIT

public import PagePools

/// What share of a machine's memory buffers may have, unless the administrator says otherwise.
///
/// Pure functions of the memory, the size of its pages and the CPUs: no host decides any of it again.
@frozen
public struct MemoryPolicy: Sendable, BitwiseCopyable {
  /// The machine's memory: pages, 0 or more.
  public let memory: PageCount

  /// How large a page is.
  public let pageSize: PageSize

  /// The policy for a machine.
  ///
  /// - Parameters:
  ///   - memory: pages, 0 or more.
  ///   - pageSize: the host's.
  @inlinable
  public init(memory: PageCount, pageSize: PageSize) {
    precondition(memory >= .zero)
    self.memory = memory
    self.pageSize = pageSize
  }

  /// Pages that hold `bytes` bytes.
  @inlinable
  func pages(_ bytes: Int) -> PageCount {
    pageSize.pages(inBytes: bytes + pageSize.bytesPerPage - 1)
  }
}

// MARK: - Who may hold how much (A3)

extension MemoryPolicy {
  /// Pages that all clients together may hold: 3/4 of memory.
  ///
  /// The rest is for the programs that use the buffers and for the kernel: buffers cannot be swapped out,
  /// and the OOM killer does not see who has them.
  @inlinable
  public var totalLimit: PageCount {
    let (quarter, rest) = memory.rawValue.quotientAndRemainder(dividingBy: 4)
    return PageCount(3 * quarter + 3 * rest / 4)
  }

  /// Pages that one user other than root may hold: 1/2 of memory, so that no user alone reaches the total.
  @inlinable
  public var clientLimit: PageCount { PageCount(memory.rawValue / 2) }

  /// The largest buffer: pages; what exceeds memory itself is refused before anything is tried.
  @inlinable
  public var largestBuffer: PageCount { memory }

  /// Pages of the total that a CPU keeps at hand: 1 MiB.
  @inlinable
  public var reservationSlack: PageCount { pages(1 << 20) }
}

// MARK: - What is kept and what waits

extension MemoryPolicy {
  /// Pages that all pools together may keep (P4): 1/4 of memory.
  @inlinable
  public var poolLimit: PageCount { PageCount(memory.rawValue / 4) }

  /// Pages that may wait to be zeroed (D5): 64 MiB, at most 1/8 of memory.
  ///
  /// That is enough for one buffer to be zeroed while others wait; over it whoever frees zeroes, so that
  /// memory does not pile up.
  @inlinable
  public var deferredLimit: PageCount {
    min(PageCount(memory.rawValue / 8), pages(64 << 20))
  }

  /// Pages that allocations leave to the rest of the program and to the kernel: 1/32 of memory, at most 64 MiB.
  ///
  /// Whoever takes the last page is not who needs the next one, and that one may be killed for it.
  @inlinable
  public var headroom: PageCount { min(PageCount(memory.rawValue / 32), pages(64 << 20)) }

  /// Pages that whatever is made ahead of demand (P9) leaves available: 1/8 of memory, at most 512 MiB.
  @inlinable
  public var headroomAheadOfDemand: PageCount {
    min(PageCount(memory.rawValue / 8), pages(512 << 20))
  }

  /// Pages up to which whoever frees a buffer zeroes it, which is less work than waking the worker: 64 KiB,
  /// at least one page.
  @inlinable
  public var inlineFreeLimit: PageCount { pages(64 << 10) }

  /// Blocks of the system heap (S1), the largest first: 1 MiB, 64 KiB and one page.
  ///
  /// - Parameter largest: the largest order that the source has, 0 or more.
  /// - Returns: 1 to 3 orders, the last one 0.
  /// - Context: allocates; may block.
  public func systemOrders(largest: Order) -> [Order] {
    var orders: [Order] = []
    let onePage = pageSize.bytesPerPage
    for bytes in [1 << 20, 64 << 10, onePage] where bytes >= onePage {
      let order = min(Order((bytes / onePage).trailingZeroBitCount), largest)
      if orders.last != order { orders.append(order) }
    }
    return orders
  }

  /// Shards of the pools and of whatever else each CPU should have its own of: one for each CPU, 1...8, as lock
  /// checkers tell no more apart.
  ///
  /// - Parameter cpuCount: CPUs that there are or may come to be.
  @inlinable
  public static func shardCount(cpuCount: Int) -> Int { min(max(cpuCount, 1), 8) }
}
