// SPDX-License-Identifier: MIT

import Foundation
import FoundationXML
import Testing

@testable import HeapBench

@Suite struct PlotTests {
  private func series(_ durations: [UInt64], size: Int = 4096, pooled: Bool) -> PlotSeries {
    PlotSeries(
      heap: "a<b&\"c\"", interface: .buffer, size: ByteSize(byteCount: size), touched: false,
      memory: pooled ? .pooled : .fresh, allocations: LatencyDistribution(durations))
  }

  @Test func svg_isWellFormedAndHasCurvesAndLabels() {
    let plot = LatencyPlot(series: [
      series([100, 200, 300], pooled: true), series([1_000, 20_000], pooled: false),
      series([5_000_000], size: 1 << 20, pooled: true),
    ])
    let svg = plot.svg
    let parser = XMLParser(data: Data(svg.utf8))
    #expect(parser.parse())
    #expect(svg.components(separatedBy: "<polyline").count == 4)
    for label in ["100 ns", "1 µs", "10 ms", "99.99%", "pooled, untouched", "1 MiB"] {
      #expect(svg.contains(">\(label)<") || svg.contains(label))
    }
    #expect(!svg.contains("nan") && !svg.contains("inf"))
  }

  @Test func svg_ofNothing_isWellFormed() {
    #expect(XMLParser(data: Data(LatencyPlot(series: []).svg.utf8)).parse())
  }

  @Test func curves_stayInsideTheirPanel() {
    let svg = LatencyPlot(series: [series([90, 100_000_000, 7, 0], pooled: true)]).svg
    for line in svg.split(separator: "\n") where line.hasPrefix("<polyline") {
      let points = line.components(separatedBy: "points=\"")[1].prefix { $0 != "\"" }
      for point in points.split(separator: " ") {
        let coordinates = point.split(separator: ",").compactMap { Double($0) }
        #expect(coordinates.count == 2)
        #expect(coordinates.allSatisfy { $0 >= 0 && $0 <= 400 })
      }
    }
  }

  @Test func percentiles_spreadByNines() {
    #expect(PercentileAxis.position(0) == 0)
    for (percentile, position) in [(90.0, 0.25), (99, 0.5), (99.9, 0.75), (99.99, 1)] {
      #expect(abs(PercentileAxis.position(percentile) - position) < 1e-9)
      #expect(abs(PercentileAxis.percentile(at: position) - percentile) < 1e-9)
    }
    #expect(PercentileAxis.steps(count: 100).allSatisfy { $0 < 99.01 })
  }

  @Test func decades_haveUnits() {
    let labels = (0...9).map(DurationAxis.label)
    #expect(
      labels == [
        "1 ns", "10 ns", "100 ns", "1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s",
      ])
    #expect(DurationAxis([90, 2_000]).decades == 1...4)
    #expect(DurationAxis([]).decades == 0...1)
  }
}
