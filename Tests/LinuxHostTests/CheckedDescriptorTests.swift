// SPDX-License-Identifier: MIT

import CLinuxShims
import Glibc
import LinuxHost
import Testing

/// A number that has become another file's is left alone.
///
/// Tested in processes of their own, as numbers are everybody's.
@Suite
struct CheckedDescriptorTests {
  @Test
  func identity_isTheFiles_notTheDescriptors() throws {
    let first = OwnedDescriptor(owning: shim_memfd_create("a"))
    let second = OwnedDescriptor(owning: shim_memfd_create("b"))
    let copy = OwnedDescriptor(owning: dup(first.rawValue))
    #expect(FileIdentity(of: first.rawValue) != nil)
    #expect(FileIdentity(of: first.rawValue) == FileIdentity(of: copy.rawValue))
    #expect(FileIdentity(of: first.rawValue) != FileIdentity(of: second.rawValue))
    #expect(FileIdentity(of: -1) == nil)
  }

  @Test
  func ours_isClosedOnce() async {
    await #expect(processExitsWith: .success) {
      let descriptor = CheckedDescriptor(OwnedDescriptor(owning: shim_memfd_create("ours")))
      let number = descriptor.rawValue
      let checked = try descriptor.checked(.setLength)
      #expect(checked == number)
      _ = consume descriptor
      #expect(shim_fcntl_int(number, F_GETFD, 0) == -1)
      #expect(CheckedDescriptor.lostCount == 0)
    }
  }

  @Test
  func closedBehindItsBack_isCounted() async {
    await #expect(processExitsWith: .success) {
      let descriptor = CheckedDescriptor(OwnedDescriptor(owning: shim_memfd_create("ours")))
      close(descriptor.rawValue)
      #expect(throws: HostFailure(.setLength, EBADF)) {
        _ = try descriptor.checked(.setLength)
      }
      _ = consume descriptor
      #expect(CheckedDescriptor.lostCount == 1)
    }
  }

  @Test
  func anothersByNow_staysOpen() async {
    await #expect(processExitsWith: .success) {
      let descriptor = CheckedDescriptor(OwnedDescriptor(owning: shim_memfd_create("ours")))
      let number = descriptor.rawValue
      let other = OwnedDescriptor(owning: shim_memfd_create("theirs"))
      try #require(dup2(other.rawValue, number) == number)
      let isOurs = descriptor.isOurs
      #expect(!isOurs)
      _ = consume descriptor
      #expect(FileIdentity(of: number) == FileIdentity(of: other.rawValue))
      #expect(CheckedDescriptor.lostCount == 1)
    }
  }
}
