// SPDX-License-Identifier: MIT

import CLinuxShims
import Glibc
import HeapFramework
import LinuxHost
import PagePools
import Testing

/// What a runtime's blocks may take, by limits that a test lays out (U1).
struct MemoryAdmissionTests {
  /// A machine that leaves so many MiB.
  private func withRuntime(
    available: Int, _ body: (HeapRuntime, FakeRoot) throws -> Void
  ) throws {
    let fake = try FakeRoot()
    // 2 GiB: allocations leave 64 MiB of it, what is made ahead of demand 256 MiB.
    try fake.writeMachine(total: 2048, available: available)
    let runtime = try HeapRuntime(
      poolLimit: PageCount(inBytes: 64 << 20), deferredLimit: .zero, limits: fake.limits())
    try body(runtime, fake)
    runtime.memory.pools.checkInvariants()
    runtime.stop()
    runtime.close()
  }

  private func pool(_ runtime: HeapRuntime, _ mebibytes: Int) throws -> PoolID {
    try #require(
      runtime.memory.pools.addPool(
        blockSize: PageCount(inBytes: mebibytes << 20), kind: .shareable))
  }

  @Test func moreThanTheNarrowestLimitLeaves_isRefused_withItsName() throws {
    try withRuntime(available: 1024) { runtime, fake in
      try fake.write("/proc/self/cgroup", "0::/app\n")
      try fake.write(
        "/proc/self/mountinfo", "1 1 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
      try fake.write(
        "/sys/fs/cgroup/app",
        ["memory.max": "\(512 << 20)\n", "memory.current": "\(492 << 20)\n"])
      let pool = try pool(runtime, 8)
      // 20 MiB are left, 16 of them as headroom.
      let limit = MemoryLimit(
        .group, name: "memory.max", path: "/sys/fs/cgroup/app", byteCount: 512 << 20)
      #expect(
        throws: HostFailure(
          .checkMemory, ENOMEM, byteCount: 8 << 20, missingByteCount: 4 << 20, limit: limit)
      ) { try runtime.memory.pools.allocate(for: pool, effort: .full) }
      #expect(runtime.memory.pools.accounts() == PageAccounts())
      let failure = HostFailure(.checkMemory, ENOMEM, byteCount: 8 << 20, limit: limit)
      let named = try #require(ResourceLimit(reachedBy: failure))
      #expect(named.name == "memory.max of /sys/fs/cgroup/app")
      #expect(named.value == 512 << 20)
      try fake.write("/sys/fs/cgroup/app/memory.current", "\(488 << 20)\n")
      let block = try runtime.memory.pools.allocate(for: pool, effort: .full)
      runtime.memory.pools.release(block, from: .buffer)
    }
  }

  /// Blocks of any size are checked, not only large ones, and what is pooled is given back for them.
  @Test func smallBlocks_areChecked() throws {
    try withRuntime(available: 64) { runtime, fake in
      let slots = try #require(MemfdHeap(memory: runtime.memory))
      defer { slots.close() }
      #expect(throws: HostFailure.self) { try slots.allocateBuffer(PageCount(1)) }
      try fake.writeMachine(total: 2048, available: 65)
      let block = try slots.allocateBuffer(PageCount(1))
      slots.free(block, mayBeWritten: false)
      #expect(runtime.memory.pools.totalPages == PageCount(1))
      try fake.writeMachine(total: 2048, available: 64)
      // A look is good for a while and a part of what it saw: 16 pages.
      var blocks: [MemoryBlock] = []
      while blocks.count < 100, let block = try? slots.allocateBuffer(PageCount(1)) {
        blocks.append(block)
      }
      #expect(blocks.count <= 17)
      for block in blocks { slots.free(block, mayBeWritten: false) }
    }
  }

  @Test func aheadOfDemand_aLotIsLeft() throws {
    try withRuntime(available: 260) { runtime, fake in
      let pool = try pool(runtime, 8)
      #expect(throws: HostFailure.self) {
        try runtime.memory.pools.allocate(for: pool, effort: .none)
      }
      let block = try runtime.memory.pools.allocate(for: pool, effort: .full)
      runtime.memory.pools.release(block, from: .buffer)
      try fake.writeMachine(total: 2048, available: 265)
      let ahead = try runtime.memory.pools.allocate(for: pool, effort: .none)
      runtime.memory.pools.release(ahead, from: .buffer)
    }
  }

  /// The error comes instead of SIGXFSZ, which would end the process.
  @Test func fileSizeLimit_isAnError() async {
    await #expect(processExitsWith: .success) {
      let runtime = try HeapRuntime(
        poolLimit: PageCount(1000), deferredLimit: .zero)
      let heap = try #require(MemfdHeap(memory: runtime.memory))
      let limit = 1 << 20
      try #require(shim_setrlimit(Int32(RLIMIT_FSIZE.rawValue), UInt64(limit), UInt64(limit)) == 0)
      for pages in [PageCount(257), PageCount(1)] {
        do throws(HostFailure) {
          _ = try heap.allocateBuffer(pages)
          Issue.record("a file was longer than it may be")
        } catch {
          #expect(error.errorNumber == EFBIG)
          #expect(ResourceLimit(reachedBy: error)?.name == "RLIMIT_FSIZE")
          #expect(ResourceLimit(reachedBy: error)?.value == limit)
        }
      }
      #expect(runtime.memory.pools.accounts() == PageAccounts())
      heap.free(try heap.allocateBuffer(PageCount(256)), mayBeWritten: true)
      runtime.stop()
      heap.close()
      runtime.close()
    }
  }
}
