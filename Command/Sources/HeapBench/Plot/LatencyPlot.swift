// SPDX-License-Identifier: MIT

/// One curve.
package struct PlotSeries: Sendable {
  let heap: String
  let interface: AllocationInterface
  let size: ByteSize
  let touched: Bool
  let memory: RowMemory
  let allocations: LatencyDistribution

  package init(_ row: BenchRow) {
    self.init(
      heap: row.report.heap, interface: row.report.interface, size: row.report.size,
      touched: row.report.touched, memory: row.report.memory, allocations: row.allocations)
  }

  init(
    heap: String, interface: AllocationInterface, size: ByteSize, touched: Bool, memory: RowMemory,
    allocations: LatencyDistribution
  ) {
    self.heap = heap
    self.interface = interface
    self.size = size
    self.touched = touched
    self.memory = memory
    self.allocations = allocations
  }

  fileprivate var stroke: SVGDocument.Stroke {
    Self.stroke(memory, touched: touched)
  }

  // Blue, orange and black stay apart for every kind of colour vision.
  fileprivate static func stroke(_ memory: RowMemory, touched: Bool) -> SVGDocument.Stroke {
    let color =
      switch memory {
      case .pooled: "#0060a8"
      case .fresh: "#d05a00"
      case .collapsing: "#222222"
      }
    return SVGDocument.Stroke(color: color, width: 2, dashes: touched ? "6 4" : nil)
  }
}

/// Latency distributions of allocation, pooled against fresh: a column of panels per size, a row
/// per heap and interface.
package struct LatencyPlot {
  private struct RowKey: Hashable {
    let heap: String
    let interface: AllocationInterface
  }

  private enum Metric {
    static let panelWidth = 300.0
    static let panelHeight = 230.0
    static let left = 70.0
    static let top = 76.0
    static let gap = 74.0
    static let rowGap = 82.0
    static let bottom = 62.0
    static let legendEntry = 172.0
  }

  private let series: [PlotSeries]
  private let sizes: [ByteSize]
  private let rows: [RowKey]
  private let durations: DurationAxis

  package init(series: [PlotSeries]) {
    self.series = series
    sizes = Set(series.map(\.size)).sorted()
    var rows: [RowKey] = []
    for entry in series {
      let key = RowKey(heap: entry.heap, interface: entry.interface)
      if !rows.contains(key) { rows.append(key) }
    }
    self.rows = rows
    // One scale for all panels, so that they can be compared at a glance.
    durations = DurationAxis(
      series.flatMap { entry in
        let distribution = entry.allocations
        return [distribution.value(atPercentile: 0), distribution.value(atPercentile: 99.99)]
      })
  }

  /// The picture.
  package var svg: String {
    let width =
      Metric.left + Double(sizes.count) * (Metric.panelWidth + Metric.gap) - Metric.gap + 30
    let height =
      Metric.top + Double(rows.count) * (Metric.panelHeight + Metric.rowGap) - Metric.rowGap
      + Metric.bottom
    let legend = Metric.left + Double(kinds.count) * Metric.legendEntry + 30
    var document = SVGDocument(width: max(width, legend), height: height)
    drawHeader(into: &document)
    for (row, key) in rows.enumerated() {
      for (column, size) in sizes.enumerated() {
        let origin = (
          x: Metric.left + Double(column) * (Metric.panelWidth + Metric.gap),
          y: Metric.top + Double(row) * (Metric.panelHeight + Metric.rowGap)
        )
        let curves = series.filter {
          $0.size == size && $0.heap == key.heap && $0.interface == key.interface
        }
        drawPanel(
          title: "\(key.heap), \(key.interface), \(size)", curves, at: origin, into: &document)
      }
    }
    return document.text
  }

  /// The kinds of curves there are.
  private var kinds: [(memory: RowMemory, touched: Bool)] {
    RowMemory.allCases.flatMap { memory in [(memory, false), (memory, true)] }
      .filter { kind in
        series.contains { $0.memory == kind.0 && $0.touched == kind.1 }
      }
  }

  private func drawHeader(into document: inout SVGDocument) {
    document.text(
      "Time to allocate, by percentile", x: Metric.left, y: 22, size: 16, color: "#111111",
      bold: true)
    var x = Metric.left
    for (memory, touched) in kinds {
      document.line(
        from: (x, 41), to: (x + 28, 41), PlotSeries.stroke(memory, touched: touched))
      document.text("\(memory), \(touched ? "touched" : "untouched")", x: x + 34, y: 45)
      x += Metric.legendEntry
    }
  }

  private func drawPanel(
    title: String, _ curves: [PlotSeries], at origin: (x: Double, y: Double),
    into document: inout SVGDocument
  ) {
    let bottom = origin.y + Metric.panelHeight
    let right = origin.x + Metric.panelWidth
    document.text(title, x: origin.x, y: origin.y - 8, size: 13, color: "#111111", bold: true)
    for decade in durations.decades {
      let fraction =
        Double(decade - durations.lowestDecade)
        / Double(durations.highestDecade - durations.lowestDecade)
      let y = bottom - fraction * Metric.panelHeight
      document.line(from: (origin.x, y), to: (right, y), SVGDocument.Stroke(color: "#dddddd"))
      document.text(
        DurationAxis.label(decade: decade), x: origin.x - 6, y: y + 4, size: 11, anchor: .end)
    }
    for tick in PercentileAxis.ticks {
      let x = origin.x + PercentileAxis.position(tick) * Metric.panelWidth
      document.line(from: (x, origin.y), to: (x, bottom), SVGDocument.Stroke(color: "#dddddd"))
      let label = tick == tick.rounded() ? "\(Int(tick))%" : "\(tick)%"
      document.text(label, x: x, y: bottom + 16, size: 11, anchor: .middle)
    }
    document.line(
      from: (origin.x, bottom), to: (right, bottom), SVGDocument.Stroke(color: "#666666"))
    document.line(
      from: (origin.x, origin.y), to: (origin.x, bottom), SVGDocument.Stroke(color: "#666666"))
    document.text(
      "percentile of allocations", x: (origin.x + right) / 2, y: bottom + 34, size: 11,
      anchor: .middle)
    document.text(
      "duration", x: origin.x - 54, y: (origin.y + bottom) / 2, size: 11, anchor: .middle,
      rotation: -90)
    for curve in curves { document.polyline(points(of: curve, at: origin), curve.stroke) }
  }

  private func points(
    of curve: PlotSeries, at origin: (x: Double, y: Double)
  ) -> [(x: Double, y: Double)] {
    PercentileAxis.steps(count: curve.allocations.count).map { percentile in
      let value = Double(curve.allocations.value(atPercentile: percentile))
      return (
        x: origin.x + PercentileAxis.position(percentile) * Metric.panelWidth,
        y: origin.y + (1 - durations.position(nanoseconds: value)) * Metric.panelHeight
      )
    }
  }
}
