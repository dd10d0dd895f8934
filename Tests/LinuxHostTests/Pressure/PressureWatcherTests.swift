// SPDX-License-Identifier: MIT

import CLinuxShims
import Glibc
import HeapFramework
import LinuxHost
import PagePools
import Synchronization
import Testing

/// Signs of memory pressure, and what becomes of pooled memory then (U2).
@Suite(.timeLimit(.minutes(10)))
struct PressureWatcherTests {
  private let fake: FakeRoot

  init() throws {
    fake = try FakeRoot()
    try fake.writeMachine(total: 2048, available: 1024)
  }

  /// What was reported.
  private final class Reports: Sendable {
    let lines = Mutex<[String]>([])
  }

  /// A runtime that watches what an environment asks for; its pool of 1 MiB files, and what was reported.
  private func withRuntime(
    watch: String?, write: String? = nil,
    _ body: (HeapRuntime, PoolID, Reports) throws -> Void
  ) throws {
    let reports = Reports()
    let runtime = try HeapRuntime(
      poolLimit: PageCount(inBytes: 64 << 20), deferredLimit: PageCount(inBytes: 64 << 20),
      limits: fake.limits(),
      pressure: PressureSettings(watch: watch, write: write, group: nil, root: fake.root),
      report: { line in reports.lines.withLock { $0.append(line) } })
    let pool = try #require(
      runtime.memory.pools.addPool(blockSize: PageCount(inBytes: 1 << 20), kind: .shareable))
    try body(runtime, pool, reports)
    runtime.stop()
    #expect(runtime.memory.pools.checkInvariants() == PageAccounts())
    runtime.close()
  }

  private func stock(_ runtime: HeapRuntime, _ pool: PoolID) throws {
    let pools = runtime.memory.pools
    for _ in 0..<3 { pools.give(try pools.allocate(for: pool, effort: .full), from: .buffer) }
  }

  private func isEmptied(_ runtime: HeapRuntime) -> Bool {
    waitUntil { runtime.memory.pools.accounts() == PageAccounts() }
  }

  /// Whether the watching thread sleeps.
  private func isQuiet(_ runtime: HeapRuntime) -> Bool {
    waitUntil {
      let before = runtime.pressureWakeUpCount
      usleep(200_000)
      return runtime.pressureWakeUpCount == before
    }
  }

  private func pressureFile() -> [UInt8]? { fake.root.read("/proc/pressure/memory")?.bytes }

  @Test func fifo_whoeverWrites_takesMemoryBack() throws {
    let path = fake.path + "/fifo"
    try #require(mkfifo(path, 0o600) == 0)
    try withRuntime(watch: path) { runtime, pool, reports in
      // Writers come and go; each is a sign, and in between nobody wakes up.
      for text in ["x", "pressure\n", String(repeating: "y", count: 60_000)] {
        try stock(runtime, pool)
        let writer = open(path, O_WRONLY | O_CLOEXEC)
        try #require(writer >= 0)
        #expect(runtime.memory.pools.accounts().pooled == PageCount(inBytes: 3 << 20))
        #expect(write(writer, text, text.utf8.count) == text.utf8.count)
        #expect(isEmptied(runtime))
        close(writer)
        #expect(isQuiet(runtime))
      }
      #expect(!runtime.isBlindToPressure)
      #expect(reports.lines.withLock { $0 } == [])
    }
  }

  /// A writer that says nothing is no sign.
  @Test func fifo_writerWithoutWords_isNoSign() throws {
    let path = fake.path + "/fifo"
    try #require(mkfifo(path, 0o600) == 0)
    try withRuntime(watch: path) { runtime, pool, _ in
      try stock(runtime, pool)
      for _ in 0..<3 { close(open(path, O_WRONLY | O_CLOEXEC)) }
      #expect(isQuiet(runtime))
      #expect(runtime.memory.pools.accounts().pooled == PageCount(inBytes: 3 << 20))
      runtime.memory.reclaimAll()
    }
  }

  @Test func socket_isWrittenTo_andWatched() throws {
    let path = fake.path + "/socket"
    let server = try listen(path)
    defer { close(server) }
    try withRuntime(watch: path, write: "aGVsbG8A") { runtime, pool, reports in
      let peer = accept(server, nil, nil)
      try #require(peer >= 0)
      var bytes = [UInt8](repeating: 0, count: 16)
      #expect(read(peer, &bytes, 16) == 6)
      #expect(bytes[..<6] == Array("hello\0".utf8)[...])
      for _ in 0..<2 {
        try stock(runtime, pool)
        #expect(write(peer, "!", 1) == 1)
        #expect(isEmptied(runtime))
      }
      #expect(isQuiet(runtime))
      // A peer that goes leaves the sources after it: here there is none, and somebody must look.
      close(peer)
      #expect(waitUntil { runtime.isBlindToPressure })
      #expect(isQuiet(runtime))
      #expect(reports.lines.withLock { $0 } == [])
    }
  }

  @Test func closedSocket_isFollowedByTheMachinesFile() throws {
    try fake.write("/proc/pressure/memory", "")
    let path = fake.path + "/socket"
    let server = try listen(path)
    defer { close(server) }
    try withRuntime(watch: path) { runtime, pool, _ in
      let peer = accept(server, nil, nil)
      try #require(peer >= 0)
      #expect(pressureFile() == [])
      close(peer)
      #expect(waitUntil { pressureFile() == Array("some 200000 2000000\0".utf8) })
      #expect(isQuiet(runtime))
      #expect(!runtime.isBlindToPressure)
    }
  }

  /// A file is taken for one of the kernel's: written to, and never read.
  @Test func file_isWrittenTo() throws {
    try fake.write("/given", "")
    try fake.write("/proc/pressure/memory", "")
    try withRuntime(watch: fake.path + "/given", write: "ZnVsbCAxIDIA") { runtime, _, reports in
      #expect(
        waitUntil { fake.root.read("/given")?.bytes == Array("full 1 2\0".utf8) })
      #expect(isQuiet(runtime))
      #expect(pressureFile() == [])
      #expect(reports.lines.withLock { $0 } == [])
    }
  }

  /// What cannot be watched is reported once, and the next source is taken.
  @Test(arguments: ["/nothing", "/folder", "/listener", "relative"])
  func uselessSettings_areReported_andPassedOver(name: String) throws {
    try fake.write("/proc/pressure/memory", "")
    try fake.write("/folder/file", "")
    // A socket to which nobody listens.
    let server = try listen(fake.path + "/listener")
    close(server)
    let watch = name.hasPrefix("/") ? fake.path + name : name
    try withRuntime(watch: watch) { _, _, reports in
      #expect(waitUntil { pressureFile() == Array("some 200000 2000000\0".utf8) })
      let lines = reports.lines.withLock { $0 }
      #expect(lines.count == 1)
      #expect(
        lines.first?.contains("MEMORY_PRESSURE_WATCH") == true
          && lines.first?.contains(watch) == true)
    }
  }

  /// Without anything that tells, somebody looks while something is pooled.
  @Test func withoutSources_availableMemoryIsLookedAt() throws {
    try withRuntime(watch: nil) { runtime, pool, reports in
      #expect(waitUntil { runtime.isBlindToPressure })
      try stock(runtime, pool)
      // 2 GiB: less than 256 MiB is short.
      try fake.writeMachine(total: 2048, available: 255)
      runtime.memory.host.wakeWorker()
      #expect(isEmptied(runtime))
      #expect(reports.lines.withLock { $0 } == [])
    }
  }

  @Test func filling_goesOnAfterAPause() throws {
    let path = fake.path + "/fifo"
    try #require(mkfifo(path, 0o600) == 0)
    try withRuntime(watch: path) { runtime, pool, _ in
      try runtime.memory.pools.setWatermarks(
        try #require(Watermarks(low: 2, high: 2)), of: pool)
      runtime.memory.host.wakeWorker()
      #expect(waitUntil { runtime.memory.pools.blockCount(of: pool) == 2 })
      let writer = open(path, O_WRONLY | O_CLOEXEC)
      try #require(writer >= 0)
      defer { close(writer) }
      #expect(write(writer, "x", 1) == 1)
      #expect(waitUntil { runtime.memory.pools.blockCount(of: pool) == 0 })
      // After the pause it is filled again.
      #expect(waitUntil { runtime.memory.pools.blockCount(of: pool) == 2 })
      try runtime.memory.pools.setWatermarks(.none, of: pool)
      runtime.memory.reclaimAll()
    }
  }

  /// The kernel's own file, where it has one and lets us.
  @Test(.enabled(if: access("/proc/pressure/memory", R_OK | W_OK) == 0))
  func machinesFile_canBeWatched() throws {
    let runtime = try HeapRuntime(
      poolLimit: .zero, deferredLimit: .zero,
      pressure: PressureSettings(watch: nil, write: nil, group: nil, root: .machine))
    #expect(isQuiet(runtime))
    #expect(!runtime.isBlindToPressure)
    // Opened without a threshold, it would be ready for ever.
    let useless = try HeapRuntime(
      poolLimit: .zero, deferredLimit: .zero,
      pressure: PressureSettings(
        watch: "/proc/pressure/memory", write: nil, group: nil, root: fake.root))
    #expect(waitUntil { useless.isBlindToPressure })
    #expect(useless.pressureWakeUpCount == 1)
    for runtime in [runtime, useless] {
      runtime.stop()
      runtime.close()
    }
  }

  private func listen(_ path: String) throws -> Int32 {
    let server = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    try #require(server >= 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    try #require(path.utf8.count < MemoryLayout.size(ofValue: address.sun_path))
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(server, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(result == 0)
    try #require(Glibc.listen(server, 4) == 0)
    return server
  }
}
