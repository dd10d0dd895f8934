// SPDX-License-Identifier: MIT

import Foundation

/// As much of SVG as a chart needs.
struct SVGDocument {
  /// Where a text's position lies within it.
  enum Anchor: String {
    case start, middle, end
  }

  /// How a line looks.
  struct Stroke {
    let color: String
    var width = 1.0
    var dashes: String?
  }

  private let width: Double
  private let height: Double
  private var elements: [String] = []

  init(width: Double, height: Double) {
    self.width = width
    self.height = height
  }

  mutating func line(
    from start: (x: Double, y: Double), to end: (x: Double, y: Double), _ stroke: Stroke
  ) {
    elements.append(
      "<line x1=\"\(Self.number(start.x))\" y1=\"\(Self.number(start.y))\""
        + " x2=\"\(Self.number(end.x))\" y2=\"\(Self.number(end.y))\"\(Self.attributes(stroke))/>")
  }

  mutating func polyline(_ points: [(x: Double, y: Double)], _ stroke: Stroke) {
    let list = points.map { "\(Self.number($0.x)),\(Self.number($0.y))" }.joined(separator: " ")
    elements.append(
      "<polyline fill=\"none\" stroke-linejoin=\"round\" points=\"\(list)\""
        + "\(Self.attributes(stroke))/>")
  }

  mutating func text(
    _ text: String, x: Double, y: Double, size: Double = 12, anchor: Anchor = .start,
    color: String = "#333333", bold: Bool = false, rotation: Double = 0
  ) {
    let transform =
      rotation == 0
      ? ""
      : " transform=\"rotate(\(Self.number(rotation)) \(Self.number(x)) \(Self.number(y)))\""
    elements.append(
      "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" font-size=\"\(Self.number(size))\""
        + " text-anchor=\"\(anchor.rawValue)\" fill=\"\(color)\""
        + (bold ? " font-weight=\"bold\"" : "") + "\(transform)>\(Self.escape(text))</text>")
  }

  /// The whole file.
  var text: String {
    let size = "width=\"\(Self.number(width))\" height=\"\(Self.number(height))\""
    return """
      <?xml version="1.0" encoding="UTF-8"?>
      <svg xmlns="http://www.w3.org/2000/svg" \(size) \
      viewBox="0 0 \(Self.number(width)) \(Self.number(height))" \
      font-family="DejaVu Sans, Verdana, Helvetica, Arial, sans-serif">
      <rect \(size) fill="#ffffff"/>
      \(elements.joined(separator: "\n"))
      </svg>

      """
  }

  private static func attributes(_ stroke: Stroke) -> String {
    " stroke=\"\(stroke.color)\" stroke-width=\"\(number(stroke.width))\""
      + (stroke.dashes.map { " stroke-dasharray=\"\($0)\"" } ?? "")
  }

  static func escape(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;")
      .replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: ">", with: "&gt;")
      .replacingOccurrences(of: "\"", with: "&quot;")
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() ? "\(Int(value))" : String(format: "%.2f", value)
  }
}
