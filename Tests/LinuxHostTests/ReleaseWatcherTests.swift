// SPDX-License-Identifier: MIT

import CLinuxShims
import Glibc
import HeapFramework
import LinuxHost
import PagePools
import Testing

/// What the watcher does with what inotify tells it.
@Suite(.serialized)
struct ReleaseWatcherTests {
  /// One `struct inotify_event` without a name.
  private func event(watch: Int32, mask: UInt32) -> [UInt8] {
    withUnsafeBytes(of: (watch, mask, UInt32(0), UInt32(0))) { Array($0) }
  }

  /// Events can be lost: the queue says so, and everything handed out is looked at.
  @Test
  func overflow_checksEverythingHandedOut() throws {
    // With its thread stopped, the watcher reads no events.
    let runtime = try HeapRuntime(
      recycling: .inPlace, poolLimit: PageCount(4096), deferredLimit: PageCount(4096))
    let heap = try #require(MemfdHeap(memory: runtime.memory))
    let watcher = try #require(runtime.memory.host.watcher)
    runtime.stop()
    var descriptors: [Int32] = []
    for _ in 0..<20 {
      let descriptor = try heap.allocateDescriptor(PageCount(16), flags: O_RDWR | O_CLOEXEC)
      descriptors.append(descriptor.relinquish())
    }
    for descriptor in descriptors { close(descriptor) }
    #expect(watcher.handedOutCount == 20)
    // An event of a watch that nobody knows changes nothing.
    let stranger = event(watch: 123_456, mask: UInt32(SHIM_IN_CLOSE))
    watcher.handle(stranger.span.bytes)
    #expect(watcher.handedOutCount == 20)
    let overflow = event(watch: -1, mask: UInt32(SHIM_IN_Q_OVERFLOW))
    watcher.handle(overflow.span.bytes)
    // Another test's child may have copies of the descriptors until it executes its program.
    var patience = 10_000
    while watcher.handedOutCount > 0, patience > 0 {
      usleep(1000)
      patience -= 1
      watcher.handle(overflow.span.bytes)
    }
    #expect(watcher.handedOutCount == 0)
    runtime.memory.pools.checkInvariants()
    runtime.memory.reclaimAll()
    heap.close()
    runtime.close()
    #expect(runtime.memory.pools.accounts() == PageAccounts())
  }

  /// A truncated read never yields half an event.
  @Test
  func partOfAnEvent_isIgnored() throws {
    let runtime = try HeapRuntime(
      recycling: .inPlace, poolLimit: .zero, deferredLimit: .zero)
    let heap = try #require(MemfdHeap(memory: runtime.memory))
    let overflow = event(watch: -1, mask: UInt32(SHIM_IN_Q_OVERFLOW))
    for byteCount in 0..<overflow.count {
      let part = Array(overflow[..<byteCount])
      runtime.memory.host.watcher?.handle(part.span.bytes)
    }
    runtime.stop()
    heap.close()
    runtime.close()
  }

  /// A lease refused right behind the event is tried again: nothing else would ever wake the watcher.
  @Test
  func refusedLease_isTriedAgain() throws {
    let runtime = try HeapRuntime(
      recycling: .inPlace, poolLimit: PageCount(4096), deferredLimit: PageCount(4096))
    let heap = try #require(MemfdHeap(memory: runtime.memory))
    let watcher = try #require(runtime.memory.host.watcher)
    // A file that is looked at while its descriptor is open: the lease is refused, a retry planned. The
    // descriptor is then closed without an event, as its watch is told to keep silent.
    for _ in 0..<50 {
      let descriptor = try heap.allocateDescriptor(PageCount(16), flags: O_RDWR | O_CLOEXEC)
      watcher.ignoreEvents()
      watcher.checkEverything(by: .bystander)
      #expect(watcher.handedOutCount == 1)
      _ = consume descriptor
      var patience = 30_000
      while watcher.handedOutCount > 0, patience > 0 {
        usleep(1000)
        patience -= 1
      }
      #expect(watcher.handedOutCount == 0, "the retry did not find the file free")
      runtime.memory.reclaimAll()
    }
    runtime.stop()
    heap.close()
    runtime.close()
  }
}
