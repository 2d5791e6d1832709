/// Rows under headings, in columns as wide as they need.
struct Table {
  struct Cell {
    var text: String
    var colour: Style.Colour?

    init(_ text: String, _ colour: Style.Colour? = nil) {
      self.text = DisplayText.printable(text)
      self.colour = colour
    }
  }

  struct Column {
    var heading: String
    /// Numbers stand at the right.
    var right = false
    /// Whether it gives way when the table is wider than the terminal.
    var shrinks = false
  }

  private static let gap = "  "
  /// What a column that gives way keeps at least.
  private static let narrowest = 8

  var columns: [Column]
  var rows: [[Cell]] = []

  init(_ columns: [Column]) { self.columns = columns }

  mutating func append(_ cells: Cell...) { rows.append(cells) }

  /// The lines of the table.
  /// - Parameter width: The columns of the terminal; nil for as many as it takes, with nothing cut off.
  func lines(width: Int?, style: Style) -> [String] {
    let widths = columnWidths(within: width)
    let heading = columns.enumerated().map { index, column in
      cell(column.heading, index, widths)
    }
    let lines = [style.faint(trimmed(heading.joined(separator: Self.gap)))]
    return lines
      + rows.map { row in
        let cells = row.enumerated().map { index, content in
          (plain: cell(content.text, index, widths), colour: content.colour)
        }
        // Trailing spaces go, before colours hide them.
        let last = cells.lastIndex { $0.plain.contains { $0 != " " } } ?? 0
        return cells.prefix(last + 1).enumerated().map { index, content in
          style.colour(index == last ? trimmed(content.plain) : content.plain, content.colour)
        }.joined(separator: Self.gap)
      }
  }

  private func cell(_ text: String, _ index: Int, _ widths: [Int]) -> String {
    DisplayText.padded(
      DisplayText.truncated(text, to: widths[index]), to: widths[index], right: columns[index].right)
  }

  private func trimmed(_ line: String) -> String {
    var line = Substring(line)
    while line.last == " " { line.removeLast() }
    return String(line)
  }

  private func columnWidths(within limit: Int?) -> [Int] {
    var widths = columns.enumerated().map { index, column in
      rows.reduce(DisplayText.width(column.heading)) { max($0, DisplayText.width($1[index].text)) }
    }
    guard let limit else { return widths }
    var excess = widths.reduce(0, +) + Self.gap.count * (widths.count - 1) - limit
    // The widest gives way first, so that a short value beside a long one stays whole.
    while excess > 0 {
      let candidates = widths.indices.filter { columns[$0].shrinks && widths[$0] > Self.narrowest }
      guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
      widths[widest] -= 1
      excess -= 1
    }
    return widths
  }
}
