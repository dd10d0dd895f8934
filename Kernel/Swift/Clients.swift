// SPDX-License-Identifier: MIT

// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions that C calls have the names of `limits.h`.

// Who holds how much, and how much that may be (A2, A3).

internal import Glue
internal import HeapFramework
internal import PagePools

extension KernelHost {
  /// Charges the calling process and its user.
  func charge(_ pages: PageCount) throws(KernelFailure) -> BufferCharge {
    try Core.with { core throws(KernelFailure) in
      do throws(LimitReached) {
        return try core.ledger.charge(
          pages, user: ClientID(rawValue: glue_charged_user()),
          process: ClientID(rawValue: glue_charged_process()), shard: currentShard)
      } catch {
        core.tell(of: error)
        throw KernelFailure(Shortage(error))
      }
    }
  }

  func uncharge(_ pages: PageCount, _ charge: BufferCharge) {
    Core.with { $0.ledger.uncharge(charge, shard: currentShard) }
  }
}

extension Core {
  /// Clients that are told apart; what more there are shares an entry, and a limit.
  static let userCapacity = 1024
  static let processCapacity = 4096

  /// Prints a line about a refusal, if it is time for one.
  func tell(of refusal: LimitReached) {
    guard let line = refusals.withLock({ $0.record(refusal, now: glue_now()) }) else { return }
    var report = core_refusal()
    (report.holder, report.user) = Self.name(refusal)
    report.held = UInt(refusal.held.rawValue)
    report.limit = UInt(refusal.limit.rawValue)
    report.asked = UInt(refusal.asked.rawValue)
    report.suppressed = UInt(line.suppressed)
    if let largest = ledger.users.largestHolder() {
      report.largest = UInt(largest.pages.rawValue)
      report.largest_holder = largest.client == nil ? CORE_HOLDER_OTHERS : CORE_HOLDER_USER
      report.largest_user = largest.client?.rawValue ?? 0
    }
    unsafe glue_report_refusal(&report)
  }

  private static func name(_ refusal: LimitReached) -> (core_holder, UInt32) {
    let user = refusal.client.rawValue
    return switch refusal.holder {
    case .everybody: (CORE_HOLDER_EVERYBODY, user)
    case .client: (CORE_HOLDER_USER, user)
    case .others: (CORE_HOLDER_OTHERS, user)
    }
  }
}

// MARK: - What C asks

/// A limit, in pages (P4, A3); see `limits.h`.
@c @implementation
func core_limit(_ which: core_limit_of) -> UInt {
  Core.with { core in
    let limit =
      switch which {
      case CORE_LIMIT_OF_POOLS: core.memory.pools.limit
      case CORE_LIMIT_OF_ALL: core.ledger.totalLimit
      default: core.ledger.clientLimit
      }
    return UInt(limit.rawValue)
  }
}

/// Changes a limit; see `limits.h`.
///
/// - Context: process; may sleep.
@c @implementation
func core_set_limit(_ which: core_limit_of, _ pages: UInt) {
  Core.with { core in
    let limit = PageCount(Int(clamping: pages))
    switch which {
    case CORE_LIMIT_OF_POOLS: core.memory.pools.setLimit(limit)
    case CORE_LIMIT_OF_ALL: core.ledger.totalLimit = limit
    default: core.ledger.clientLimit = limit
    }
  }
}

/// A total, in pages; see `limits.h`.
@c @implementation
func core_total(_ which: core_total_figure) -> UInt {
  Core.with { core in
    let pages =
      switch which {
      case CORE_TOTAL_POOLED: core.memory.pools.totalPages
      case CORE_TOTAL_DEFERRED: core.memory.deferred.waitingPages
      case CORE_TOTAL_HELD: core.ledger.held
      default: core.ledger.peak
      }
    return UInt(pages.rawValue)
  }
}

/// What one of the module's own heaps has given out; see `limits.h`.
@c @implementation
func core_heap_figure(_ own: UnsafeMutableRawPointer!, _ which: core_heap_figure_kind) -> UInt {
  unsafe Unmanaged<KernelHeap>.fromOpaque(own)._withUnsafeGuaranteedRef { heap in
    let counts = heap.counters.total()
    let figure =
      which == CORE_HEAP_BUFFERS ? counts.liveBuffers : counts.livePages.rawValue
    return UInt(figure)
  }
}

/// The next client after a position; see `limits.h`.
@c @implementation
func core_next_client(
  _ which: core_clients, _ after: Int, _ found: UnsafeMutablePointer<core_holdings>!
) -> Bool {
  Core.with { core in
    let position = after < 0 ? nil : after
    let next =
      which == CORE_CLIENTS_USERS
      ? core.ledger.users.entry(after: position) : core.ledger.processes.entry(after: position)
    guard let (position, holdings) = next else { return false }
    unsafe found.pointee = core_holdings(
      position: position, are_others: holdings.client == nil,
      client: holdings.client?.rawValue ?? 0, pages: UInt(holdings.pages.rawValue),
      buffers: UInt(holdings.buffers), peak: UInt(holdings.peak.rawValue))
    return true
  }
}
