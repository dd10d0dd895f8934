// SPDX-License-Identifier: MIT

internal import HeapFramework
internal import LinuxHost
internal import PagePools

/// What a ``HeapSystem`` has and does (A1).
///
/// Memory counts by blocks: a buffer's block is up to 25 % larger than the buffer. At every instant
/// `takenByteCount == inBuffersByteCount + waitingByteCount + freeingByteCount +
/// pooledByteCount` (P7).
public struct HeapStatistics: Equatable, Sendable {
  /// Bytes taken from the kernel and not given back; of regions, what their buffers have.
  public internal(set) var takenByteCount = 0

  /// Bytes in buffers, and behind descriptors that come back.
  public internal(set) var inBuffersByteCount = 0

  /// Bytes of freed buffers that wait to be zeroed.
  public internal(set) var waitingByteCount = 0

  /// Bytes that are being zeroed or given back just now.
  public internal(set) var freeingByteCount = 0

  /// Bytes in pools, zeroed: the total pool size.
  public internal(set) var pooledByteCount = 0

  /// The most bytes the pools may have.
  public internal(set) var poolLimitByteCount = 0

  /// Bytes given away for good since the system started: of which descriptors left the library.
  ///
  /// They are in none of the other figures.
  public internal(set) var handedOutByteCount = 0

  /// Descriptors of the library's that the process has lost since it started, in all its systems.
  ///
  /// Somebody else closed them, as with closefrom(3), and the number may be another file's by now, which
  /// the library then left alone. A descriptor counts when the memory it belongs to is given up.
  public internal(set) var lostDescriptors = 0

  /// One entry for each heap.
  public internal(set) var heaps: [HeapActivity] = []

  /// One entry for each pool that has blocks, by memory and size.
  public internal(set) var pools: [PoolStock] = []

  /// The pools as a table: a column for each block size, a row for each kind of memory, totals (P8).
  public internal(set) var poolTable = ""

  /// What one heap has done since it was made.
  public struct HeapActivity: Equatable, Sendable {
    /// The heap's name.
    public let name: String
    /// Buffers and descriptors handed out.
    public let allocations: Int
    /// Those of them for which the pool had nothing.
    public let poolMisses: Int
    /// Requests that failed.
    public let failures: Int
    /// Buffers of this process that are not freed.
    public let liveBuffers: Int
    /// Bytes in the blocks of those.
    public let liveByteCount: Int
  }

  /// What one pool has.
  public struct PoolStock: Equatable, Sendable {
    /// Bytes in each of its blocks.
    public let blockByteCount: Int
    /// `in-process` (slots of slabs), `mapped` (files of their own) or `shareable` (files to be given away).
    public let memory: String
    /// Blocks in the pool.
    public let blockCount: Int
  }

  init() {}

  init(memory: BufferMemory<LinuxHost>, heaps: [(name: String, counts: HeapCounts)]) {
    let accounts = memory.pools.accounts()
    takenByteCount = accounts.taken.byteCount
    inBuffersByteCount = accounts.inBuffers.byteCount
    waitingByteCount = accounts.deferred.byteCount
    freeingByteCount = accounts.freeing.byteCount
    pooledByteCount = accounts.pooled.byteCount
    poolLimitByteCount = memory.pools.limit.byteCount
    handedOutByteCount = memory.handedOutPages.byteCount
    lostDescriptors = CheckedDescriptor.lostCount
    self.heaps = heaps.map { name, counts in
      HeapActivity(
        name: name, allocations: counts.allocations, poolMisses: counts.poolMisses,
        failures: counts.failures, liveBuffers: counts.liveBuffers,
        liveByteCount: counts.livePages.byteCount)
    }
    memory.pools.forEachPool { _, properties, blockCount in
      guard blockCount > 0 else { return }
      pools.append(
        PoolStock(
          blockByteCount: properties.blockSize.byteCount, memory: properties.kind.name,
          blockCount: blockCount))
    }
    pools.sort { ($0.memory, $0.blockByteCount) < ($1.memory, $1.blockByteCount) }
    var table: [UInt8] = []
    PoolTable(of: memory.pools).write(
      columns: .stocked,
      nameByte: { kind, index in
        let name = kind.name.utf8
        return name.index(name.startIndex, offsetBy: index, limitedBy: name.endIndex)
          .flatMap { $0 == name.endIndex ? nil : name[$0] }
      },
      to: { table.append($0) })
    poolTable = String(decoding: table, as: UTF8.self)
  }
}

extension MemoryKind {
  fileprivate var name: String {
    switch self {
    case .inProcess: "in-process"
    case .mapped: "mapped"
    default: "shareable"
    }
  }
}
