// SPDX-License-Identifier: MIT

import CLinuxShims
import DMAHeaps
import Glibc
import HeapFramework
import LinuxHost
import PagePools
import Testing

/// Limits of the process are met in a process of their own: the error names the limit, nothing is lost.
@Suite
struct LimitTests {
  @Test
  func descriptorLimit_isNamed_andNothingIsLost() async {
    await #expect(processExitsWith: .success) {
      let system = try HeapSystem()
      let heap = try system.heap(named: "system")
      let first = try heap.allocate(byteCount: 4096)
      try #require(shim_setrlimit(SHIM_RLIMIT_NOFILE, 64, 64) == 0)
      var descriptors: [Int32] = []
      do throws(HeapError) {
        while descriptors.count < 1000 {
          descriptors.append(try heap.allocateDescriptor(byteCount: 4096).relinquish())
        }
        Issue.record("no limit was met")
      } catch {
        #expect(error == .limitReached(name: "RLIMIT_NOFILE", value: 64, errorNumber: EMFILE))
        #expect("\(error)".contains("RLIMIT_NOFILE") && "\(error)".contains("64"))
      }
      #expect(descriptors.count > 10)
      // Small buffers need no descriptors of their own, only one for each slab of 512.
      for _ in 0..<500 {
        var buffer = try heap.allocate(byteCount: 4096)
        buffer.fill(1)
      }
      _ = consume first
      for descriptor in descriptors { close(descriptor) }
      _ = try heap.allocateDescriptor(byteCount: 4096)
    }
  }

  @Test
  func addressSpaceLimit_isNamed() async {
    await #expect(processExitsWith: .success) {
      let system = try HeapSystem()
      let heap = try system.heap(named: "system")
      let used = (ProcessFile.number(in: "/proc/self/status", after: "VmSize:") ?? 0) * 1024
      let limit = used + (512 << 20)
      try #require(
        shim_setrlimit(SHIM_RLIMIT_AS, UInt64(limit), UInt64(limit)) == 0)
      do throws(HeapError) {
        _ = try heap.allocate(byteCount: limit)
        Issue.record("no limit was met")
      } catch {
        #expect("\(error)".contains("RLIMIT_AS") || error.errorNumber == ENOMEM)
      }
      var buffer = try heap.allocate(byteCount: 1 << 20)
      buffer.fill(1)
    }
  }

  @Test
  func moreThanTheMachineHas_isRefusedBeforeAnyMemoryIsTaken() throws {
    try withSystem { system, heap in
      for byteCount in [MachineMemory.totalByteCount + 4096, 99999 << 40, .max] {
        do throws(HeapError) {
          _ = try heap.allocate(byteCount: byteCount)
          Issue.record("\(byteCount) bytes were allocated")
        } catch {
          #expect(error.errorNumber == ENOMEM || error.errorNumber == EINVAL, "\(error)")
          #expect(!"\(error)".contains("\n"))
          #expect("\(error)".contains("\(byteCount)"))
        }
        do throws(HeapError) {
          _ = try heap.allocateDescriptor(byteCount: byteCount)
          Issue.record("\(byteCount) bytes were allocated")
        } catch {
          #expect(error.errorNumber == ENOMEM || error.errorNumber == EINVAL, "\(error)")
        }
      }
      #expect(system.statistics().takenByteCount == 0)
    }
  }

  @Test(arguments: [0, -1, Int.min])
  func sizesBelowOne_areInvalid(byteCount: Int) throws {
    try withSystem { _, heap in
      #expect(throws: HeapError.invalidSize(byteCount: byteCount)) {
        _ = try heap.allocateDescriptor(byteCount: byteCount)
      }
      do throws(HeapError) {
        _ = try heap.allocate(byteCount: byteCount)
        Issue.record("\(byteCount) bytes were allocated")
      } catch {
        #expect(error == .invalidSize(byteCount: byteCount))
        #expect(error.errorNumber == EINVAL)
      }
    }
  }

  @Test
  func unknownDescriptorFlags_areRefused() throws {
    try withSystem { _, heap in
      let flags = DescriptorFlags(rawValue: 0x8_0002 | UInt32(O_APPEND))
      #expect(throws: HeapError.invalidRequest(.unknownDescriptorFlags(UInt32(O_APPEND)))) {
        _ = try heap.allocateDescriptor(byteCount: 4096, flags: flags)
      }
    }
  }

  @Test
  func descriptorFlags_areObeyed() throws {
    try withSystem { _, heap in
      let readOnly = try heap.allocateDescriptor(
        byteCount: 4096, flags: DescriptorFlags(rawValue: UInt32(O_RDONLY)))
      #expect(shim_fcntl_int(readOnly.rawValue, F_GETFD, 0) & FD_CLOEXEC == 0)
      #expect(shim_fcntl_int(readOnly.rawValue, F_GETFL, 0) & O_ACCMODE == O_RDONLY)
      #expect(throws: SystemError.self) {
        _ = try ClientMapping(readOnly.rawValue, byteCount: 4096)
      }
      let usual = try heap.allocateDescriptor(byteCount: 4096)
      #expect(shim_fcntl_int(usual.rawValue, F_GETFD, 0) & FD_CLOEXEC != 0)
      #expect(shim_fcntl_int(usual.rawValue, F_GETFL, 0) & O_ACCMODE == O_RDWR)
    }
  }

  @Test
  func unknownHeap_errorListsThoseThereAre() throws {
    try withSystem { system, _ in
      do throws(HeapError) {
        _ = try system.heap(named: "sytem")
        Issue.record("a heap was found")
      } catch {
        #expect(error == .unknownHeap(name: "sytem", available: ["system"]))
        #expect("\(error)" == "no heap is named 'sytem'; there are: system")
      }
      for name in ["", "a/b", String(repeating: "x", count: 64), ".."] {
        do throws(HeapError) {
          _ = try system.heap(named: name)
          Issue.record("a heap was found")
        } catch {
          guard case .invalidName(name, _) = error else {
            Issue.record("\(error)")
            continue
          }
        }
      }
      for name in ["linux,cma", "system-contig"] {
        do throws(HeapError) {
          _ = try system.heap(named: name)
          Issue.record("a heap was found")
        } catch {
          guard case .absentHeap = error else {
            Issue.record("\(error)")
            continue
          }
        }
      }
    }
  }

  @Test
  func hundredThousandBuffers_live() async {
    await #expect(processExitsWith: .success) {
      // More than a process may have mappings (65530) or usually descriptors.
      try #require(shim_setrlimit(SHIM_RLIMIT_NOFILE, 1024, 1024) == 0)
      var configuration = HeapSystem.Configuration()
      configuration.decayInterval = nil
      let system = try HeapSystem(configuration)
      let heap = try system.heap(named: "system")
      let count = 100_000
      var buffers: [BufferBox] = []
      buffers.reserveCapacity(count)
      for _ in 0..<count { buffers.append(BufferBox(try heap.allocate(byteCount: 4096))) }
      #expect(system.statistics().inBuffersByteCount == count * 4096)
      buffers[99_999].buffer.fill(1)
      let isZero = buffers[99_998].buffer.isZero
      #expect(isZero)
      buffers = []
      #expect(system.statistics().inBuffersByteCount == 0)
      #expect(system.statistics().pooledByteCount == count * 4096)
      #expect(system.reclaim() == count * 4096)
    }
  }
}
