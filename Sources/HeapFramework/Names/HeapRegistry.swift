// SPDX-License-Identifier: MIT

public import PagePools

/// The heaps there are, by name and alias (H1).
///
/// A lookup returns a ``HeapUse`` that keeps the heap registered until it goes away;
/// ``unregister(_:)`` waits for them. `Heap` is what the host wants to find: a heap object, or a
/// table of operations.
public final class HeapRegistry<Host: Machine, Heap: Sendable>: Sendable {
  let machine: Host
  let table: Locked<HeapTable<Heap>, Host.Lock>

  /// Makes an empty registry.
  ///
  /// - Parameter capacity: the most names and aliases there can be.
  public init(machine: Host, capacity: Int = 64) {
    self.machine = machine
    table = Locked(HeapTable(capacity: capacity))
  }

  /// Registers a heap: its name and all aliases become known at once, or none does.
  ///
  /// - Throws: ``HeapRegistryError``: `.duplicateName` (EEXIST), `.full` (ENOSPC).
  /// - Complexity: O(capacity × names).
  /// - Context: takes the registry's lock; does not block.
  public func register(
    _ heap: Heap, as name: HeapName, aliases: [HeapName] = []
  ) throws(HeapRegistryError) {
    try table.withLock { (table) throws(HeapRegistryError) in
      try table.register(heap, as: name, aliases: aliases)
    }
  }

  /// Finds a heap by its name or an alias.
  ///
  /// - Returns: nil when no heap has that name.
  /// - Complexity: O(capacity).
  /// - Context: takes the registry's lock; does not block.
  public func lookup(_ name: HeapName) -> HeapUse<Host, Heap>? {
    guard let (heap, slot) = table.withLock({ $0.use(name) }) else { return nil }
    return HeapUse(registry: self, slot: slot, heap: heap)
  }

  /// Removes a heap and its aliases, then waits until nobody uses it any more.
  ///
  /// - Throws: ``HeapRegistryError/unknownName`` (ENOENT) for a name or an alias that is not a
  ///   heap's own name.
  /// - Context: no lock held; may block.
  public func unregister(_ name: HeapName) throws(HeapRegistryError) {
    guard let slot = table.withLock({ $0.hide(name) }) else { throw .unknownName }
    while table.withLock({ $0.isUsed(slot) }) {
      machine.relax()
    }
    // The last reference may go with `heap`, so it must leave the lock first.
    let heap = table.withLock { $0.remove(slot) }
    _ = consume heap
  }
}

/// A heap that somebody looked up: while this lives, the heap stays.
public struct HeapUse<Host: Machine, Heap: Sendable>: ~Copyable, Sendable {
  let registry: HeapRegistry<Host, Heap>
  let slot: Int

  /// The heap; the registry keeps it until this use ends, so keep no other reference to it for longer.
  public let heap: Heap

  deinit {
    registry.table.withLock { $0.endUse(slot) }
  }
}

/// Why a heap could not be registered or unregistered.
public enum HeapRegistryError: Error, Equatable, Sendable {
  /// Another heap has the name or the alias.
  case duplicateName
  /// The registry holds as many names as it was made for.
  case full
  /// No heap has that name.
  case unknownName
}
