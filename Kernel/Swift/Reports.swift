// SPDX-License-Identifier: MIT

// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions that C calls have the names of `glue.h`.

internal import Glue
internal import HeapFramework
internal import PagePools

/// Writes one of the reports that debugfs shows.
///
/// - Context: process; may sleep.
@c @implementation
func core_show(_ report: core_report, _ file: OpaquePointer!) {
  let text = unsafe Report(file: file)
  Core.with { core in
    switch report {
    case CORE_REPORT_POOLS: text.show(poolsOf: core)
    case CORE_REPORT_ACCOUNTS: text.show(accountsOf: core)
    case CORE_REPORT_REGIONS: text.show(regionsOf: core)
    default: text.show(heapsOf: core)
    }
  }
}

@safe
private struct Report {
  let file: OpaquePointer

  /// The pool table (P8).
  func show(poolsOf core: Core) {
    PoolTable(of: core.memory.pools).write(
      columns: .stocked, isShown: { $0.pageSource == .system || $0.pageSource == .contiguous },
      nameByte: { kind, index in kind.pageSource.name.byte(at: index) },
      to: { byte in unsafe glue_print_byte(file, CChar(bitPattern: byte)) })
  }

  /// Where every page is, at one instant (P7).
  func show(accountsOf core: Core) {
    let accounts = core.memory.pools.accounts()
    line("taken", accounts.taken)
    line("in_buffers", accounts.inBuffers)
    line("deferred", accounts.deferred)
    line("freeing", accounts.freeing)
    line("pooled", accounts.pooled)
    line("limit", core.memory.pools.limit)
    line("deferred_limit", core.memory.deferred.limit)
  }

  /// What each heap has done (A1).
  func show(heapsOf core: Core) {
    text("heap buffers pages allocations frees pool_misses failures\n")
    for index in 0..<core.heaps.count {
      let own = core.heaps[index]
      row(own.name, own.heap.counters.total())
    }
  }

  /// Where each region is, and what is left of it, in pages (C1).
  func show(regionsOf core: Core) {
    text("heap first_frame pages free largest_run chunk stock\n")
    for index in 0..<core.heaps.count {
      let own = core.heaps[index]
      guard let share = own.region?.share else { continue }
      let region = share.region
      let space = region.space
      text(own.name)
      number(region.pages.lowerBound)
      number(region.pages.count)
      number(space.free.rawValue)
      number(space.largestRun.rawValue)
      switch share.cut {
      case .runs: number(0)
      case .chunks(let order): number(order.pages.rawValue)
      }
      let kind = own.heap.pools.kind
      number(core.memory.pools.reclaimablePages { $0.kind == kind }.rawValue)
      text("\n")
    }
  }

  private func row(_ name: CText, _ counts: HeapCounts) {
    text(name)
    number(counts.liveBuffers)
    number(counts.livePages.rawValue)
    number(counts.allocations)
    number(counts.frees)
    number(counts.poolMisses)
    number(counts.failures)
    text("\n")
  }

  private func line(_ name: StaticString, _ pages: PageCount) {
    text(name)
    number(pages.rawValue)
    text("\n")
  }

  private func number(_ number: Int) {
    text(" ")
    unsafe glue_print_number(file, number)
  }

  private func text(_ text: StaticString) {
    self.text(CText(text))
  }

  private func text(_ text: CText) {
    unsafe glue_print(file, text.pointer)
  }
}

extension PageSourceKind {
  fileprivate var name: StaticString {
    switch self {
    case .system: "system"
    case .contiguous: "contiguous"
    case .other: "other"
    case .region: "region"
    }
  }
}

extension StaticString {
  fileprivate func byte(at index: Int) -> UInt8? {
    index < utf8CodeUnitCount ? unsafe utf8Start[index] : nil
  }
}
