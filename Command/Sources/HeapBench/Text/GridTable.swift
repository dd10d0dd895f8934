// SPDX-License-Identifier: MIT

import TextTable

/// A table whose columns are known only when it is printed.
package struct GridTable {
  /// A heading and the side its cells line up on.
  package struct Heading {
    let title: String
    let alignment: Alignment

    package static func text(_ title: String) -> Self { Self(title: title, alignment: .left) }
    package static func number(_ title: String) -> Self { Self(title: title, alignment: .right) }
  }

  let headings: [Heading]
  package private(set) var rows: [[String]] = []

  package init(_ headings: [Heading]) {
    self.headings = headings
  }

  /// Adds a row; cells that are missing at its end stay empty.
  package mutating func append(_ cells: [String]) {
    rows.append(cells)
  }

  /// The same without the columns in which no row has anything.
  package var withoutEmptyColumns: GridTable {
    let kept = headings.indices.filter { index in
      rows.contains { index < $0.count && !$0[index].isEmpty }
    }
    var table = GridTable(kept.map { headings[$0] })
    for row in rows { table.append(kept.map { $0 < row.count ? row[$0] : "" }) }
    return table
  }

  /// The table, without a line break at its end or blanks at the ends of its lines.
  package var text: String {
    let table = TextTable<[String]> { cells in
      headings.enumerated().map { index, heading in
        Column(
          title: heading.title, value: index < cells.count ? cells[index] : "",
          align: heading.alignment)
      }
    }
    let rendered = table.string(for: rows, style: Style.simple) ?? ""
    return rendered.split(separator: "\n")
      .map { line in String(line.reversed().drop { $0 == " " }.reversed()) }
      .joined(separator: "\n")
  }
}
