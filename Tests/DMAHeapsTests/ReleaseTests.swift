// SPDX-License-Identifier: MIT

import DMAHeaps
import Glibc
import LinuxHost
import Testing

/// Who waits for the release of what was handed out is told when nobody has it any more, and not before (H5).
@Suite(.serialized, .timeLimit(.minutes(5)))
struct ReleaseTests {
  @Test func release_comesWithTheLastHolder() async throws {
    let system = try HeapSystem(Self.recycling)
    let heap = try system.heap(named: "system")
    let release: DescriptorRelease
    var mapping: ClientMapping?
    do {
      let descriptor = try heap.allocateDescriptor(byteCount: 1 << 20)
      release = try heap.release(of: descriptor)
      mapping = try ClientMapping(descriptor.rawValue, byteCount: 1 << 20)
    }
    let waits = [0, 1].map { _ in
      Task {
        try await release.wait()
        // The memory is back before anybody is told.
        #expect(system.statistics().inBuffersByteCount == 0)
      }
    }
    let watcher = try #require(system.memory.host.watcher)
    for _ in 0..<10 {
      watcher.checkEverything()
      #expect(!release.isReleased)
      usleep(1000)
    }
    mapping?.fill(1)
    mapping = nil
    for wait in waits { try await wait.value }
    #expect(release.isReleased)
    try await release.wait()
  }

  /// The next who gets the memory has a release of its own.
  @Test func release_isOfOneHandOut() async throws {
    let system = try HeapSystem(Self.recycling)
    let heap = try system.heap(named: "system")
    for _ in 0..<50 {
      let release: DescriptorRelease
      do {
        let descriptor = try heap.allocateDescriptor(byteCount: 65536)
        release = try heap.release(of: descriptor)
        #expect(!release.isReleased)
      }
      try await release.wait()
    }
  }

  @Test func cancellation_endsTheWait() async throws {
    let heap = try HeapSystem(Self.recycling).heap(named: "system")
    let descriptor = try heap.allocateDescriptor(byteCount: 4096)
    let release = try heap.release(of: descriptor)
    let wait = Task { try await release.wait() }
    let other = Task { try await release.wait() }
    wait.cancel()
    await #expect(throws: CancellationError.self) { try await wait.value }
    #expect(!release.isReleased)
    _ = consume descriptor
    try await other.value
  }

  @Test func systemsEnd_endsTheWait() async throws {
    var system: HeapSystem? = try HeapSystem(Self.recycling)
    let descriptor = try #require(system).heap(named: "system").allocateDescriptor(byteCount: 4096)
    let release = try #require(system).heap(named: "system").release(of: descriptor)
    system = nil
    await #expect(throws: HeapError.self) { try await release.wait() }
    #expect(!release.isReleased)
  }

  @Test func whatNobodyCanTell_isSaid() throws {
    let heap = try HeapSystem().heap(named: "system")
    let given = try heap.allocateDescriptor(byteCount: 4096)
    #expect(throws: HeapError.self) { _ = try heap.release(of: given) }
    let recycling = try HeapSystem(Self.recycling).heap(named: "system")
    do throws(HeapError) {
      _ = try recycling.release(of: given)
      Issue.record("the release of another system's memory")
    } catch {
      #expect(error.errorNumber == ENOTSUP)
      #expect("\(error)".contains("\(given.rawValue)"))
    }
  }

  private static var recycling: HeapSystem.Configuration {
    var configuration = HeapSystem.Configuration()
    configuration.recycling = .inPlace
    return configuration
  }
}
