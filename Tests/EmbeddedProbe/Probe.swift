// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools

/// Walks the core through one life as Embedded Swift; generic code exists only where it is used,
/// so what is not called here is not compiled for the bare machine.
///
/// - Returns: 0 when everything holds, else the line of the first expectation that does not.
@c(dma_heaps_probe)
public func dmaHeapsProbe() -> Int32 {
  var probe = Probe()
  probe.decodeRequests()
  probe.nameHeaps()
  probe.cycleBuffers()
  probe.expect(limitsHold())
  probe.expect(admissionHolds())
  probe.expect(regionsHold())
  return probe.firstFailedLine
}

#if os(Linux)
/// Runs the probe as a program: exit status 0 when everything holds.
@c(main)
public func main() -> Int32 {
  let line = dmaHeapsProbe()
  guard line != 0 else { return 0 }
  print("Tests/EmbeddedProbe/Probe.swift:\(line): does not hold as Embedded Swift")
  return 1
}
#endif

private struct Probe {
  var firstFailedLine: Int32 = 0

  mutating func expect(_ holds: Bool, line: Int32 = #line) {
    if !holds, firstFailedLine == 0 { firstFailedLine = line }
  }
}

// MARK: - Requests

extension Probe {
  mutating func decodeRequests() {
    let command = try? AllocationCommand(0xC018_4800)
    expect(command?.inputByteCount == AllocationRequest.byteCount)
    expect((try? AllocationCommand(0xC018_4801)) == nil)

    // 8193 bytes, O_RDWR | O_CLOEXEC, in a struct that ends before `heap_flags`.
    var arguments = InlineArray<16, UInt8>(repeating: 0)
    arguments[0] = 0x01
    arguments[1] = 0x20
    arguments[12] = 0x02
    arguments[14] = 0x08
    // SAFETY: bytes have no padding.
    let request = try? unsafe AllocationRequest(
      arguments: arguments.span.bytes, pageSize: PageSize(shift: 12))
    expect(request?.pages == PageCount(3))
    expect(request?.descriptorFlags == [.readWrite, .closeOnExec])

    // SAFETY: a byte is any bit pattern, and has no padding.
    var fields = arguments.mutableSpan
    var answer = unsafe fields.mutableBytes
    AllocationRequest.encode(descriptor: 7, into: &answer)
    expect(arguments[8] == 7)
    expect(
      requestError { () throws(RequestError) in
        _ = try AllocationRequest(
          length: ByteCount(1), descriptor: 7, pageSize: PageSize(shift: 14))
      } == .descriptorNotZero(7))
    expect(
      requestError { () throws(RequestError) in
        _ = try AllocationRequest(length: ByteCount(0), pageSize: PageSize(shift: 16))
      } == .lengthIsZero)
  }

  private func requestError(_ body: () throws(RequestError) -> Void) -> RequestError? {
    do throws(RequestError) {
      try body()
      return nil
    } catch {
      return error
    }
  }
}

// MARK: - Names

extension Probe {
  mutating func nameHeaps() {
    let registry = HeapRegistry<ProbeMachine, Int>(machine: ProbeMachine(), capacity: 3)
    guard let system = name("system"), let alias = name("cma"), let other = name("other") else {
      return expect(false)
    }
    expect(name("a/b") == nil)
    expect((try? registry.register(1, as: system, aliases: [alias])) != nil)
    expect((try? registry.register(2, as: alias)) == nil)
    expect((try? registry.register(3, as: other)) != nil)
    expect(heap(alias, registry) == 1)
    expect((try? registry.unregister(system)) != nil)
    expect(heap(alias, registry) == nil)
  }

  private func heap(_ name: HeapName, _ registry: HeapRegistry<ProbeMachine, Int>) -> Int? {
    guard let use = registry.lookup(name) else { return nil }
    return use.heap
  }

  private func name(_ text: StaticString) -> HeapName? {
    // SAFETY: a static string's bytes live forever.
    let bytes = unsafe UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    return try? unsafe HeapName(utf8: bytes)
  }
}

// MARK: - Buffers

extension Probe {
  mutating func cycleBuffers() {
    let host = ProbeHost()
    let pools = PoolSet(source: host, limit: PageCount(900), shardCount: 2, poolCapacity: 64)
    let memory = BufferMemory(
      pools: pools, deferredLimit: PageCount(600), inlineFreeLimit: PageCount(16))
    guard let system = SystemHeap(memory: memory, kind: MemoryKind(.pages)),
      let contiguous = SingleBlockHeap(
        memory: memory, kind: MemoryKind(.runs), largest: PageCount(64)),
      let pairs = PairHeap(memory: memory)
    else { return expect(false) }

    recycle(system, host)
    recycle(contiguous, host)
    recycle(pairs, host)
    reclaim(system, host)
    shrink(pools, host)
    refill(system, host)

    pairs.close()
    contiguous.close()
    system.close()
    expect(host.takenPages == 0)
    expect(pools.accounts() == PageAccounts())
    expect(system.counters.total().liveBuffers == 0)
    expect(contiguous.counters.total().liveBuffers == 0)
  }

  /// A written buffer waits for the worker, is zeroed, and serves the next request (S1, S2, D3).
  private mutating func recycle(_ system: SystemHeap<ProbeHost>, _ host: ProbeHost) {
    let memory = system.memory
    guard let first = try? system.allocate(PageCount(300)) else { return expect(false) }
    // 256 + 2 × 16 + 12 × 1 pages.
    expect(first.blocks.blockCount == 15)
    host.write(first.blocks)
    expect(memory.deferred.workerMaySleep())
    system.free(first, mayBeWritten: true)
    expect(host.workerWakeUps == 1)
    expect(memory.pools.accounts().deferred == PageCount(300))
    // 256 pages are one turn's work.
    expect(memory.freeOldestDeferred())
    expect(memory.pools.accounts().deferred == PageCount(44))
    expect(memory.freeOldestDeferred())
    expect(!memory.freeOldestDeferred())
    expect(memory.pools.totalPages == PageCount(300))

    // Another CPU finds them too.
    host.currentShard = 1
    let allocations = host.sourceAllocations
    guard let second = try? system.allocate(PageCount(300)) else { return expect(false) }
    expect(host.sourceAllocations == allocations)
    expect(host.isZero(second.blocks))
    system.free(second, mayBeWritten: false)
    expect(memory.pools.totalPages == PageCount(300))
    expect(memory.pools.checkInvariants().pooled == PageCount(300))

    host.isCallerKilled = true
    expect((try? system.allocate(PageCount(1))) == nil)
    host.isCallerKilled = false
    expect(memory.pools.accounts().inBuffers == .zero)
  }

  /// A small buffer is zeroed by the thread that frees it (S3).
  private mutating func recycle(_ contiguous: SingleBlockHeap<ProbeHost>, _ host: ProbeHost) {
    guard let first = try? contiguous.allocateBlock(PageCount(9)) else { return expect(false) }
    expect(!first.wasPooled)
    expect(host.size(of: first.block) == PageCount(10))
    host.write(first.block)
    contiguous.free(buffer(first.block, first.owner, host), mayBeWritten: true)
    guard let second = try? contiguous.allocateBlock(PageCount(10)) else { return expect(false) }
    expect(second.wasPooled && second.block == first.block && host.isZero(second.block))
    contiguous.free(buffer(second.block, second.owner, host), mayBeWritten: false)
    expect((try? contiguous.allocateBlock(PageCount(65))) == nil)
    expect(contiguous.counters.total().failures == 1)
  }

  private func buffer(
    _ block: Int32, _ owner: Int32, _ host: ProbeHost
  ) -> Allocation<ProbeHost> {
    Allocation(blocks: BlockChain(block, in: host), owner: owner)
  }

  /// A heap that the framework does not know, through its base class; its memory is never pooled (D6).
  private mutating func recycle(_ heap: BufferHeap<ProbeHost>, _ host: ProbeHost) {
    guard let first = try? heap.allocate(PageCount(5)) else { return expect(false) }
    expect(first.blocks.blockCount == 3 && first.blocks.pages == PageCount(6))
    expect(host.chargedPages == 6)
    let taken = host.takenPages
    heap.free(first, mayBeWritten: true)
    expect(host.takenPages == taken - 6 && host.chargedPages == 0)
    host.chargeLimit = 5
    expect((try? heap.allocate(PageCount(5))) == nil)
    host.chargeLimit = .max
    expect(heap.counters.total().failures == 1)
    expect(!heap.exportAttributes.needsCacheMaintenance)
  }

  /// The worker keeps blocks ready (P9).
  private mutating func refill(_ system: SystemHeap<ProbeHost>, _ host: ProbeHost) {
    let memory = system.memory
    memory.pools.setLimit(PageCount(900))
    var pace = RefillPace(pause: 10, poolCapacity: memory.pools.poolCapacity)
    guard let marks = Watermarks(low: 1, high: 2) else { return expect(false) }
    let wakeUps = host.workerWakeUps
    expect((try? system.setWatermarks(marks, of: Order(4))) == true)
    expect(host.workerWakeUps == wakeUps + 1)
    // The shrinker has just run.
    expect(memory.workerTurn(&pace, now: 5) == .mayRest(until: 15))
    expect(memory.workerTurn(&pace, now: 15) == .worked)
    expect(memory.workerTurn(&pace, now: 15) == .worked)
    expect(memory.workerTurn(&pace, now: 15) == .mayRest(until: nil))
    expect(memory.pools.checkInvariants().pooled == PageCount(32))
    expect((try? system.setWatermarks(.none, of: Order(4))) == true)
    memory.reclaimAll()
    expect(decayHolds(memory, host))
  }

  /// What waits and what is pooled is given back before a request fails (D2, D6).
  private mutating func reclaim(_ system: SystemHeap<ProbeHost>, _ host: ProbeHost) {
    let memory = system.memory
    guard let large = try? system.allocate(PageCount(512)) else { return expect(false) }
    system.free(large, mayBeWritten: true)
    expect(memory.deferred.waitingPages == PageCount(512))
    guard let all = try? system.allocate(PageCount(1024)) else { return expect(false) }
    expect(memory.deferred.waitingPages == .zero)
    expect(memory.pools.accounts().taken == PageCount(1024))
    expect((try? system.allocate(PageCount(1))) == nil)
    // More than may wait, but nothing else does; the pools stay in their limit.
    system.free(all, mayBeWritten: true)
    expect(memory.pools.accounts().deferred == PageCount(1024))
    while memory.freeOldestDeferred() {}
    expect(memory.pools.accounts().deferred == .zero)
    expect(memory.pools.totalPages > .zero && memory.pools.totalPages <= PageCount(900))
    expect(memory.pools.totalPages.rawValue == host.takenPages)
  }

  private mutating func shrink(_ pools: PoolSet<ProbeHost>, _ host: ProbeHost) {
    let before = pools.totalPages
    let freed = pools.scan(PageCount(1))
    expect(freed > .zero && pools.totalPages == before - freed)
    expect(pools.checkInvariants().taken == pools.totalPages)
    pools.setLimit(.zero)
    expect(pools.reclaimablePages() == .zero && pools.scan(PageCount(1)) == .zero)
    expect(host.takenPages == 0)
  }
}
