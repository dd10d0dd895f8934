// SPDX-License-Identifier: MIT

import PagePools

/// The registry's names, guarded by its lock: nothing is allocated or destroyed in here after `init`.
struct HeapTable<Heap>: ~Copyable {
  private enum Role {
    case free
    case heap(Heap, users: Int, isHidden: Bool)
    case alias(of: Int)
  }

  private struct Entry {
    var name: HeapName?
    var role: Role
  }

  private var entries: StableArray<Entry>

  init(capacity: Int) {
    entries = StableArray(count: capacity) { _ in Entry(name: nil, role: .free) }
  }

  mutating func register(
    _ heap: Heap, as name: HeapName, aliases: [HeapName]
  ) throws(HeapRegistryError) {
    // Everything is checked before the first entry is written.
    guard slot(of: name) == nil else { throw .duplicateName }
    for (index, alias) in aliases.enumerated() {
      let isRepeated = alias == name || aliases[..<index].contains(alias)
      guard !isRepeated, slot(of: alias) == nil else { throw .duplicateName }
    }
    guard freeCount >= 1 + aliases.count, let slot = nextFree else { throw .full }
    entries[slot] = Entry(name: name, role: .heap(heap, users: 0, isHidden: false))
    for alias in aliases {
      guard let aliasSlot = nextFree else { throw .full }
      entries[aliasSlot] = Entry(name: alias, role: .alias(of: slot))
    }
  }

  mutating func use(_ name: HeapName) -> (heap: Heap, slot: Int)? {
    guard let found = slot(of: name) else { return nil }
    let target = if case .alias(let heap) = entries[found].role { heap } else { found }
    guard case .heap(let heap, let users, let isHidden) = entries[target].role, !isHidden else {
      return nil
    }
    entries[target].role = .heap(heap, users: users + 1, isHidden: false)
    return (heap, target)
  }

  mutating func endUse(_ slot: Int) {
    guard case .heap(let heap, let users, let isHidden) = entries[slot].role else {
      preconditionFailure("a used heap stays registered")
    }
    entries[slot].role = .heap(heap, users: users - 1, isHidden: isHidden)
  }

  /// Makes a heap and its aliases unknown; its slot stays until ``remove(_:)``.
  mutating func hide(_ name: HeapName) -> Int? {
    guard let slot = slot(of: name), case .heap(let heap, let users, false) = entries[slot].role
    else { return nil }
    entries[slot].role = .heap(heap, users: users, isHidden: true)
    for other in 0..<entries.count {
      if case .alias(of: slot) = entries[other].role {
        entries[other] = Entry(name: nil, role: .free)
      }
    }
    return slot
  }

  func isUsed(_ slot: Int) -> Bool {
    guard case .heap(_, let users, _) = entries[slot].role else { return false }
    return users > 0
  }

  mutating func remove(_ slot: Int) -> Heap? {
    guard case .heap(let heap, _, _) = entries[slot].role else { return nil }
    entries[slot] = Entry(name: nil, role: .free)
    return heap
  }

  private func slot(of name: HeapName) -> Int? {
    for slot in 0..<entries.count where entries[slot].name == name {
      return slot
    }
    return nil
  }

  private var nextFree: Int? {
    for slot in 0..<entries.count where entries[slot].name == nil {
      return slot
    }
    return nil
  }

  private var freeCount: Int {
    var count = 0
    for slot in 0..<entries.count where entries[slot].name == nil {
      count += 1
    }
    return count
  }
}
