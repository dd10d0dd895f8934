// SPDX-License-Identifier: MIT

import Foundation
import Testing

@testable import HeapBench

/// Providers that take turns; plain memfds stand in for heaps of the kernel.
@Suite struct ContestTests {
  private let providers = [
    FreshDescriptorProvider(population: .reserving, byteCount: 4096, populates: false),
    FreshDescriptorProvider(population: .reserving, byteCount: 8192, populates: false),
    FreshDescriptorProvider(population: .reserving, byteCount: 4096, populates: false),
  ]

  @Test func sustained_recordsEveryCycleOfEveryProvider() throws {
    var contest = Contest(touched: true, rest: 0)
    contest.iterations = 21
    let outcomes = try contest.run(providers)
    #expect(outcomes.count == 3)
    for outcome in outcomes {
      #expect(outcome.samples.count == 21)
      #expect(outcome.samples.cycles.allSatisfy { $0 > 0 })
      #expect(outcome.samples.cycles.reduce(0, +) <= outcome.samples.elapsed)
      #expect(outcome.wantedIterations == 21)
      #expect(outcome.singleThread == nil)
    }
  }

  @Test func burst_recordsEveryAllocation() throws {
    var contest = Contest(touched: false, rest: 0)
    contest.iterations = 50
    contest.burst = 10
    for outcome in try contest.run(providers) {
      #expect(outcome.samples.count == 50)
      #expect(outcome.samples.cycles.allSatisfy { $0 > 0 })
    }
  }

  @Test func cold_emptiesBeforeEveryRound() throws {
    var emptied = 0
    var contest = Contest(touched: false, rest: 0)
    contest.iterations = 7
    contest.empty = { () throws(BenchFailure) in emptied += 1 }
    let outcomes = try contest.run(providers)
    #expect(outcomes.map(\.samples.count) == [7, 7, 7])
    #expect(emptied == 3 * (7 + 3), "three rounds warm up")
  }

  @Test func threads_areMeasuredBesideOne() throws {
    var contest = Contest(touched: false, rest: 0)
    contest.iterations = 8
    contest.threads = 2
    for outcome in try contest.run(providers) {
      #expect(outcome.samples.count == 16)
      #expect(outcome.samples.elapsed > 0)
      #expect(outcome.singleThread?.count == 8)
    }
  }

  @Test func cacheDrop_writesWhatTheKernelReads() throws {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("dmaheap-\(UUID().uuidString)")
    try Data().write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let drop = try CacheDrop(path: file.path)
    #expect(try String(contentsOf: file, encoding: .utf8) == "4")
    try drop()
    try drop()
    #expect(try String(contentsOf: file, encoding: .utf8) == "2")
  }

  @Test func cacheDrop_withoutTheFile_namesOptionAndPath() {
    let error = #expect(throws: BenchFailure.self) { try CacheDrop(path: "/no-such-file") }
    #expect(error.map { "\($0)" } == "--cold: opening /no-such-file: No such file or directory")
  }

  @Test func rest_growsWithTheMemory() {
    #expect(KernelBenchRunner.timeToZero(ByteSize(byteCount: 4096), count: 1) == 5_000)
    #expect(KernelBenchRunner.timeToZero(ByteSize(byteCount: 1 << 20), count: 64) == 256_000)
    #expect(KernelBenchRunner.timeToZero(ByteSize(byteCount: 1 << 40), count: 64) == 2_000_000)
  }
}
