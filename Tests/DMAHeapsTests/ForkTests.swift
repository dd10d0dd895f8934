// SPDX-License-Identifier: MIT

import CTestSupport
import DMAHeaps
import Glibc
import HeapFramework
import LinuxHost
import PagePools
import Testing

/// A forked child must not touch the parent's pools, and is told so.
@Suite
struct ForkTests {
  private final class Family {
    let system: HeapSystem
    let heap: Heap
    var buffer: Buffer?
    var descriptor: Int32

    init() throws {
      // A child that asks the runtime for a type that a thread of the parent was just asking it for waits for
      // ever: all that the child uses is used here before, and its threads have ended.
      _ = try HeapSystem().heap(named: "system").allocate(byteCount: 1 << 20)
      var configuration = HeapSystem.Configuration()
      // So that nothing changes in the parent meanwhile.
      configuration.followsDemand = false
      system = try HeapSystem(configuration)
      heap = try system.heap(named: "system")
      buffer = try heap.allocate(byteCount: 1 << 20)
      descriptor = try heap.allocateDescriptor(byteCount: 65536).relinquish()
    }
  }

  @Test
  func child_isRefused_andHarmsNothing() async {
    await #expect(processExitsWith: .success) {
      let family = try Family()
      let accounts = family.system.memory.pools.accounts()
      let child = test_fork(
        { context in
          guard let context else { return 1 }
          let family = Unmanaged<Family>.fromOpaque(context).takeUnretainedValue()
          do throws(HeapError) {
            _ = try family.heap.allocate(byteCount: 4096)
            return 2
          } catch {
            guard error == .usedAfterFork, error.errorNumber == EPERM else { return 3 }
          }
          do throws(HeapError) {
            _ = try family.heap.allocateDescriptor(byteCount: 4096)
            return 4
          } catch {
            guard error == .usedAfterFork else { return 5 }
          }
          do throws(HeapError) {
            _ = try family.system.heap(named: "system")
            return 6
          } catch {
            guard error == .usedAfterFork else { return 7 }
          }
          guard family.system.reclaim() == 0 else { return 8 }
          // The parent's buffer goes away in the child without reaching the parent's pools.
          family.buffer = nil
          // A descriptor works on, and so does a system of the child's own.
          guard let mapping = try? ClientMapping(family.descriptor, byteCount: 65536) else {
            return 9
          }
          mapping.fill(9)
          // The thread sanitizer ends a forked child that starts threads.
          #if !THREAD_SANITIZER
          guard let own = try? HeapSystem(), let heap = try? own.heap(named: "system"),
            var buffer = try? heap.allocate(byteCount: 1 << 20), buffer.isZero
          else { return 10 }
          buffer.fill(1)
          #endif
          return 0
        }, Unmanaged.passUnretained(family).toOpaque())
      let status = test_wait(child)
      #expect(status == 0, "the child ended with \(status)")
      let after = family.system.memory.pools.accounts()
      #expect(after == accounts, "\(after), before \(accounts)")
      family.buffer?.fill(5)
      let mapping = try ClientMapping(family.descriptor, byteCount: 65536)
      #expect(mapping.base.load(as: UInt8.self) == 9)
      #expect(family.system.memory.pools.checkInvariants().isBalanced)
    }
  }

  @Test
  func child_thatReadsTheParentsBuffer_isStoppedWithAMessage() async {
    await #expect(processExitsWith: .success) {
      let family = try Family()
      let child = test_fork(
        { context in
          guard let context else { return 1 }
          let family = Unmanaged<Family>.fromOpaque(context).takeUnretainedValue()
          return family.buffer?.isZero == true ? 0 : 1
        }, Unmanaged.passUnretained(family).toOpaque())
      // Not an exit: the trap's signal.
      #expect(test_wait(child) == -1)
    }
  }
}
