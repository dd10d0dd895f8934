// SPDX-License-Identifier: MIT

import Testing

@testable import HeapBench

@Suite struct ComputationTests {
  @Test func summary_ofThousandDurations_hasTheirPercentiles() {
    // 1000, 2000, … 1000000: values of three significant digits are told apart exactly.
    let durations = (1...1000).reversed().map { UInt64($0) * 1000 }
    let summary = LatencySummary(LatencyDistribution(durations))
    #expect(within(summary.p50, of: 500_000))
    #expect(within(summary.p99, of: 990_000))
    #expect(within(summary.p999, of: 999_000))
    #expect(summary.max == 1_000_000)
  }

  @Test func summary_ofOneDuration_isThatDuration() {
    let summary = LatencySummary(LatencyDistribution([123_456_789]))
    #expect(within(summary.p50, of: 123_456_789))
    #expect(summary.p999 <= summary.max)
    #expect(summary.max == 123_456_789)
  }

  @Test func summary_ofNothing_isZero() {
    #expect(LatencySummary(LatencyDistribution([])).max == 0)
  }

  @Test func ratio_ofUntouchedRows_comparesMedianAllocations() throws {
    let pooled = TestRow.report(allocations: [100, 100, 900], elapsed: 3_000)
    let fresh = TestRow.report(memory: .fresh, allocations: [400, 500, 600], elapsed: 90_000)
    #expect(try #require(pooled.ratio(of: fresh)) == 5)
    #expect(RatioFigure(touched: false).rawValue == "alloc p50")
  }

  @Test func ratio_ofTouchedRows_comparesMeanCycles() throws {
    let pooled = TestRow.report(touched: true, allocations: [1, 1, 1], elapsed: 3_000)
    let fresh = TestRow.report(
      touched: true, memory: .fresh, allocations: [1, 1, 1], elapsed: 6_000)
    #expect(try #require(pooled.ratio(of: fresh)) == 2)
    #expect(RatioFigure(touched: true).rawValue == "cycle")
  }

  @Test func seriesLine_isTheSeriesOwn() {
    let report = TestRow.report(
      allocations: [UInt64](repeating: 9, count: 5000), elapsed: 88_092_722)
    #expect(
      report.seriesLine.hasPrefix(
        "dmabuf heap: alloc 4096 bytes 5000 times in 88092722 ns 17619 ns/call"))
  }

  @Test func throughput_scalesAgainstOneThread() {
    var single = Samples(capacity: 100)
    single.elapsed = 1_000_000
    var all = Samples(capacity: 400)
    all.elapsed = 2_000_000
    let throughput = Throughput(threads: 4, single, all)
    #expect(throughput.singleThreadOperationsPerSecond == 100_000)
    #expect(throughput.operationsPerSecond == 200_000)
    #expect(throughput.scaling == 2)
  }

  @Test(arguments: [
    (0.0, "0 ns"), (999, "999 ns"), (1_500, "1.50 µs"), (15_000, "15.0 µs"), (150_000, "150 µs"),
    (2_345_678, "2.35 ms"), (3e9, "3.00 s"),
  ])
  func duration_hasThreeDigits(nanoseconds: Double, text: String) {
    #expect(Quantity.duration(nanoseconds: nanoseconds) == text)
  }

  @Test func table_linesUp() {
    var table = GridTable([.text("name"), .number("n")])
    table.append(["a", "10"])
    table.append(["longer", "5"])
    #expect(table.text == "name    n\n------ --\na      10\nlonger  5")
  }

  private func within(_ value: UInt64, of expected: UInt64) -> Bool {
    value >= expected - expected / 1000 && value <= expected + expected / 1000
  }
}
