// SPDX-License-Identifier: MIT

internal import HeapFramework
internal import PagePools
internal import Synchronization

/// The regions' shares of a host, by the number of their kind's source: found without a lock, added once, and kept as
/// long as the host.
final class RegionTable: Sendable {
  /// One heap's share, and the memory of its region.
  final class Entry: Sendable {
    let memory: RegionMemory
    let share: RegionShare<LinuxHost>

    init(_ memory: RegionMemory, cut: RegionCut) {
      self.memory = memory
      share = RegionShare(of: memory.region, cut: cut)
    }
  }

  /// The most heaps that regions can have together.
  static let capacity = 32

  /// The sources below are memfds'.
  private static let firstSource = 16

  private let entries = StableArray<AtomicLazyReference<Entry>>(count: capacity) { _ in
    AtomicLazyReference()
  }
  private let count = Atomic<Int>(0)

  /// Adds a heap's share.
  ///
  /// - Returns: the kind of the heap's memory; nil when there are too many heaps.
  /// - Context: takes no lock.
  func add(_ memory: RegionMemory, cut: RegionCut) -> MemoryKind? {
    let index = count.add(1, ordering: .relaxed).oldValue
    guard index < Self.capacity else {
      count.subtract(1, ordering: .relaxed)
      return nil
    }
    _ = entries[index].storeIfNil(Entry(memory, cut: cut))
    let source = MemorySource(rawValue: UInt16(Self.firstSource + index))
    return MemoryKind(source, keeping: .keptZeroed)
  }

  /// The share that a kind of memory is, nil where it is no region's.
  func entry(of kind: MemoryKind) -> Entry? {
    let index = Int(kind.source.rawValue) - Self.firstSource
    guard index >= 0, index < Self.capacity else { return nil }
    return entries[index].load()
  }
}
