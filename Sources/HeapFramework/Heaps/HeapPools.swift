// SPDX-License-Identifier: MIT

public import PagePools

/// The pools of one heap: one for each size of its blocks, on each node of the machine's memory.
///
/// A value inside its heap: a reference would be counted at every allocation, and threads counting the
/// same reference wait for each other.
public struct HeapPools<Host: HeapHost>: ~Copyable, Sendable {
  /// Size after size, all nodes of each.
  @usableFromInline let pools: StableArray<PoolID>

  /// Nodes that each size has a pool for.
  public let nodeCount: Int

  /// What the memory is like, on any node.
  public let kind: MemoryKind

  /// Adds a pool for each size and node.
  ///
  /// - Parameters:
  ///   - memory: shared with other heaps.
  ///   - sizes: of blocks, in pages; at least one.
  ///   - kind: of all blocks; if its node is any, each node of the machine has pools of its own.
  /// - Returns: nil when the pool set has no room for so many pools; nothing is left behind.
  /// - Context: allocates; may block.
  init?(in memory: BufferMemory<Host>, sizes: [PageCount], kind: MemoryKind) {
    precondition(!sizes.isEmpty, "a heap has blocks of some size")
    let nodeCount = kind.node == .any ? memory.host.nodeCount : 1
    var added: [PoolID] = []
    added.reserveCapacity(sizes.count * nodeCount)
    for size in sizes {
      for node in 0..<nodeCount {
        var own = kind
        if nodeCount > 1 { own.node = MemoryNode(rawValue: Int16(node)) }
        guard let pool = memory.pools.addPool(blockSize: size, kind: own) else {
          for pool in added { memory.pools.destroy(pool) }
          return nil
        }
        added.append(pool)
      }
    }
    self.nodeCount = nodeCount
    self.kind = kind
    pools = StableArray(count: added.count) { added[$0] }
  }

  /// Sizes there are.
  @inlinable public var sizeCount: Int { nodeCount == 1 ? pools.count : pools.count / nodeCount }

  /// The pool of a size on a node.
  @inlinable
  public subscript(size: Int, node: Int) -> PoolID { pools[size * nodeCount + node] }

  /// The node whose pools a caller should use first.
  @inlinable
  public func homeNode(_ host: Host) -> Int { nodeCount == 1 ? 0 : host.currentNode }

  /// Destroys the pools, releasing their blocks.
  func destroy(in memory: BufferMemory<Host>) {
    for index in 0..<pools.count {
      memory.pools.destroy(pools[index])
    }
  }
}
