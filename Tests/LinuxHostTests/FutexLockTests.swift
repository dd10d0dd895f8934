// SPDX-License-Identifier: MIT

import CTestSupport
import Glibc
import LinuxHost
import PagePools
import Synchronization
import Testing

/// The host's lock: one at a time, nobody forgotten, in forked children as well.
@Suite
struct FutexLockTests {
  private final class Account: Sendable {
    let count = Locked<Int, FutexLock>(0)
    let isHeld = Atomic<Bool>(false)
  }

  @Test
  func manyThreads_countExactly() throws {
    let account = Account()
    @Sendable func count() {
      for step in 0..<20000 {
        account.count.withLock { count in
          let seen = count
          // Now and then for longer than who waits looks before it sleeps.
          if step % 1000 == 0 { usleep(100) }
          count = seen + 1
        }
      }
    }
    let first = try HostThread(named: "test-count", faults: nil) { count() }
    let second = try HostThread(named: "test-count", faults: nil) { count() }
    let third = try HostThread(named: "test-count", faults: nil) { count() }
    count()
    first.join()
    second.join()
    third.join()
    let total = account.count.withLock { $0 }
    #expect(total == 80000)
  }

  // The thread sanitizer ends a forked child that starts threads.
  #if !THREAD_SANITIZER
  @Test
  func forkedChild_canWaitForIt() async {
    await #expect(processExitsWith: .success) {
      let account = Account()
      // So that this thread is one that has had a lock before.
      account.count.withLock { $0 = 1 }
      let child = test_fork(
        { context in
          guard let context else { return 1 }
          let account = Unmanaged<Account>.fromOpaque(context).takeUnretainedValue()
          guard
            let other = try? HostThread(
              named: "test-wait", faults: nil,
              {
                while !account.isHeld.load(ordering: .acquiring) { usleep(100) }
                account.count.withLock { $0 += 1 }
              })
          else { return 2 }
          account.count.withLock { count in
            account.isHeld.store(true, ordering: .releasing)
            usleep(50000)
            count += 1
          }
          other.join()
          return account.count.withLock { $0 } == 3 ? 0 : 3
        }, Unmanaged.passUnretained(account).toOpaque())
      let status = test_wait(child)
      #expect(status == 0, "the child ended with \(status)")
    }
  }
  #endif
}
