// SPDX-License-Identifier: MIT

@_spi(Command) import DMAHeaps

/// What all that is held at once may not exceed.
package enum MemoryLimit: Equatable, Sendable {
  /// What is available, in bytes.
  case available(Int)

  /// What the machine has, in bytes: for heaps whose own pools may hold what is not available.
  case machine(Int)

  var byteCount: Int {
    switch self {
    case .available(let byteCount), .machine(let byteCount): byteCount
    }
  }
}

/// What a run holds at once, to be refused before it begins where that cannot fit.
///
/// Heaps take page after page until the machine has none left, and then the kernel kills processes, not
/// always the one that took them.
struct MemoryNeed {
  /// Allocations at once.
  let count: Int

  /// Threads that each have as many.
  var threads = 1

  let size: ByteSize

  /// Kept for figures: so many, and bytes of each.
  var figures = (count: 0, byteCount: 0)

  /// Refuses what cannot fit.
  ///
  /// - Parameter available: bytes that figures can have.
  func check(
    _ limit: MemoryLimit = .available(HeapSystem.availableByteCount),
    available: Int = HeapSystem.availableByteCount
  ) throws(BenchFailure) {
    let inPages = Self.product((size.byteCount - 1) / 4096 + 1, 4096)
    let buffers = Self.product(count, threads, inPages)
    guard buffers <= limit.byteCount else {
      throw .tooMuchAtOnce("\(title) at once need", needed: buffers, limit: limit)
    }
    let kept = Self.product(figures.count, figures.byteCount)
    guard kept <= available else {
      throw .tooMuchAtOnce(
        "figures of \(figures.count) cycles need", needed: kept, limit: .available(available))
    }
  }

  private var title: String {
    threads > 1 ? "\(threads) threads with \(size) each" : "\(count) times \(size)"
  }

  /// The product, or the largest number when it is larger.
  private static func product(_ factors: Int...) -> Int {
    factors.reduce(1) { product, factor in
      let (result, overflow) = product.multipliedReportingOverflow(by: factor)
      return overflow ? .max : result
    }
  }
}

extension BenchWorkload {
  /// What one row needs: its memory, and two durations of each cycle, joined once more where several threads
  /// bring theirs.
  func need(_ size: ByteSize) -> MemoryNeed {
    MemoryNeed(
      count: burst, threads: threads, size: size,
      figures: (
        count: (iterations ?? Schedule.defaultIterations) * threads,
        byteCount: threads > 1 ? 32 : 16
      ))
  }
}
