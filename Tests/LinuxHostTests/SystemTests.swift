// SPDX-License-Identifier: MIT

import CLinuxShims
import Glibc
import LinuxHost
import PagePools
import Testing

/// Owned descriptors, `/proc`, and limits by name.
@Suite
struct SystemTests {
  @Test
  func ownedDescriptor_closesOnce() async {
    await #expect(processExitsWith: .success) {
      let number = open("/dev/null", O_RDONLY)
      let descriptor = OwnedDescriptor(owning: number)
      #expect(shim_fcntl_int(number, F_GETFD, 0) >= 0)
      _ = consume descriptor
      #expect(shim_fcntl_int(number, F_GETFD, 0) == -1)
    }
  }

  @Test
  func ownedDescriptor_relinquished_staysOpen() {
    let descriptor = OwnedDescriptor(owning: open("/dev/null", O_RDONLY))
    let number = descriptor.relinquish()
    #expect(shim_fcntl_int(number, F_GETFD, 0) >= 0)
    close(number)
  }

  @Test
  func ownedDescriptor_closedBehindItsBack_isLetBe() async {
    await #expect(processExitsWith: .success) {
      let descriptor = OwnedDescriptor(owning: open("/dev/null", O_RDONLY))
      close(descriptor.rawValue)
      _ = consume descriptor
    }
  }

  @Test
  func attempt_interrupted_isRepeated_otherErrorsAreThrown() throws {
    var calls = 0
    let result = try attempt(.map, faults: nil) {
      calls += 1
      if calls < 4 {
        errno = EINTR
        return -1
      }
      return 7
    }
    #expect(result == 7)
    #expect(calls == 4)
    #expect(throws: HostFailure(.reserve, EPERM, byteCount: 9)) {
      _ = try attempt(.reserve, byteCount: 9, faults: nil) {
        errno = EPERM
        return -1
      }
    }
  }

  @Test
  func attempt_injected_doesNotCall() {
    let faults = FaultPlan { $0 == .reopen ? ENFILE : nil }
    var calls = 0
    #expect(throws: HostFailure(.reopen, ENFILE)) {
      _ = try attempt(.reopen, faults: faults) {
        calls += 1
        return 0
      }
    }
    #expect(calls == 0)
  }

  @Test
  func processFile_findsNumbers() throws {
    let total = try #require(ProcessFile.number(in: "/proc/meminfo", after: "MemTotal:"))
    #expect(total > 1024)
    #expect(ProcessFile.number(in: "/proc/meminfo", after: "NoSuchLine:") == nil)
    #expect(ProcessFile.number(in: "/no/such/file") == nil)
    #expect(try #require(ProcessFile.number(in: "/proc/sys/fs/file-max")) > 0)
  }

  @Test(arguments: [
    (HostFailure(.createFile, EMFILE), "RLIMIT_NOFILE"),
    (HostFailure(.reopen, ENFILE), "fs.file-max"),
    (HostFailure(.watch, ENOSPC), "fs.inotify.max_user_watches"),
    (HostFailure(.createWatchQueue, EMFILE), "fs.inotify.max_user_instances"),
    (
      HostFailure(.startThread, EAGAIN),
      "the number of threads (RLIMIT_NPROC or kernel.threads-max)"
    ),
    (HostFailure(.setLength, EFBIG), "RLIMIT_FSIZE"),
    (HostFailure(.checkLeases, ENOLCK), "fs.leases-enable"),
  ])
  func limits_haveNames(failure: HostFailure, name: String) {
    #expect(ResourceLimit(reachedBy: failure)?.name == name)
  }

  @Test
  func shortageOfMemory_isNoLimit() {
    #expect(ResourceLimit(reachedBy: HostFailure(.reserve, ENOMEM, byteCount: 4096)) == nil)
    #expect(ResourceLimit(reachedBy: HostFailure(.map, ENOMEM, byteCount: 4096)) == nil)
  }

  @Test
  func forkGuard_knowsItsProcess() throws {
    let guardian = try ForkGuard()
    let isForkedChild = guardian.isForkedChild
    #expect(!isForkedChild)
  }
}
