// SPDX-License-Identifier: MIT

import Testing

@testable import HeapBench

@Suite struct MemoryNeedTests {
  private let mebibyte = ByteSize(byteCount: 1 << 20)

  private func failure(_ need: MemoryNeed, _ limit: MemoryLimit, available: Int = 1 << 40)
    -> String?
  {
    do throws(BenchFailure) {
      try need.check(limit, available: available)
      return nil
    } catch {
      #expect(error.isShortage)
      return "\(error)"
    }
  }

  @Test func burst_isRefusedFromTheFirstByteTooMuch() {
    let limit = MemoryLimit.available(10 << 20)
    #expect(failure(MemoryNeed(count: 10, size: mebibyte), limit) == nil)
    #expect(
      failure(MemoryNeed(count: 11, size: mebibyte), limit)
        == "11 times 1 MiB at once need 11264 kB; 10240 kB of memory are available")
  }

  @Test func threads_haveTheirMemoryAtOnce() {
    let limit = MemoryLimit.available(10 << 20)
    #expect(failure(MemoryNeed(count: 1, threads: 10, size: mebibyte), limit) == nil)
    #expect(
      failure(MemoryNeed(count: 1, threads: 11, size: mebibyte), limit)
        == "11 threads with 1 MiB each at once need 11264 kB; 10240 kB of memory are available")
  }

  @Test func bytes_areCountedInPages() {
    let byte = ByteSize(byteCount: 1)
    #expect(failure(MemoryNeed(count: 10, size: byte), .available(40 << 10)) == nil)
    #expect(failure(MemoryNeed(count: 11, size: byte), .available(40 << 10)) != nil)
  }

  @Test func whatOverflows_isRefused() {
    let half = ByteSize(byteCount: Int.max / 2)
    #expect(failure(MemoryNeed(count: 1000, threads: 3, size: half), .available(.max - 1)) != nil)
    #expect(failure(MemoryNeed(count: .max, size: mebibyte), .machine(4 << 30)) != nil)
  }

  @Test func kernelHeaps_areMeasuredByTheMachine() {
    #expect(
      failure(MemoryNeed(count: 5, size: ByteSize(byteCount: 1 << 30)), .machine(4 << 30))
        == "5 times 1 GiB at once need 5242880 kB; the machine has 4194304 kB")
  }

  @Test func figures_areMemoryToo() {
    let need = MemoryNeed(count: 1, size: mebibyte, figures: (1000, 16))
    #expect(failure(need, .machine(1 << 30), available: 16_000) == nil)
    #expect(
      failure(need, .machine(1 << 30), available: 15_999)?.hasPrefix("figures of 1000") == true)
    var workload = BenchWorkload()
    workload.iterations = 100
    workload.threads = 3
    #expect(workload.need(mebibyte).figures == (300, 32))
  }
}
