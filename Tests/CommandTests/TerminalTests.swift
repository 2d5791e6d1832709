import BatonShared
import Testing

@testable import BatonCommandLine

@Suite struct TableTests {
  private func table(_ rows: [[String]], shrinking: Set<Int> = []) -> Table {
    var table = Table(
      rows[0].enumerated().map { .init(heading: $1, right: $1 == "N", shrinks: shrinking.contains($0)) })
    for row in rows.dropFirst() { table.rows.append(row.map { .init($0) }) }
    return table
  }

  @Test func columnsAreAsWideAsTheirWidestValue() {
    let lines = table([["A", "N"], ["long value", "7"], ["x", "12345"]]).lines(width: nil, style: .plain)
    #expect(lines == ["A               N", "long value      7", "x           12345"])
  }

  @Test func wideCharactersTakeTwoColumns() {
    let lines = table([["A", "B"], ["日本", "x"], ["abcd", "y"], ["e\u{301}🙂", "z"]]).lines(width: nil, style: .plain)
    #expect(lines == ["A     B", "日本  x", "abcd  y", "e\u{301}🙂   z"])
  }

  @Test func theWidestColumnGivesWayOnANarrowTerminal() {
    let long = String(repeating: "m", count: 60)
    let lines = table([["ID", "NAME", "NOTE"], ["12345678-1234", "short", long]], shrinking: [1, 2])
      .lines(width: 40, style: .plain)
    #expect(lines.allSatisfy { DisplayText.width($0) <= 40 })
    #expect(lines[1] == "12345678-1234  short  mmmmmmmmmmmmmmmmm…")
  }

  @Test func nothingIsCutOffWhereThereIsNoTerminal() {
    let long = String(repeating: "m", count: 500)
    #expect(table([["A"], [long]], shrinking: [0]).lines(width: nil, style: .plain)[1] == long)
  }

  @Test func whatAJobSaysCannotSteerTheTerminal() {
    let lines = table([["A"], ["\u{1B}[2Jred\nnext\u{202E}"]]).lines(width: nil, style: .plain)
    #expect(lines[1] == "\u{FFFD}[2Jred next\u{FFFD}")
  }

  @Test func coloursDoNotChangeTheLayout() {
    var table = Table([.init(heading: "A"), .init(heading: "B")])
    table.append(.init("done", .green), .init("x"))
    table.append(.init("processing"), .init(""))
    let lines = table.lines(width: nil, style: .coloured)
    #expect(lines[1] == "\u{1B}[32mdone      \u{1B}[0m  x")
    #expect(lines[2] == "processing")
  }
}

@Suite struct DisplayTextTests {
  @Test(arguments: [("hello", 5, "hello"), ("hello", 4, "hel…"), ("日本語", 5, "日本…"), ("日本語", 4, "日…"), ("abc", 0, "")])
  func longTextIsCutAtTheColumn(_ text: String, _ columns: Int, _ expected: String) {
    #expect(DisplayText.truncated(text, to: columns) == expected)
  }
}

@Suite struct ProgressBarTests {
  @Test(arguments: [
    (0.0, "░░░░░░░░   0%"), (1.0, "████████ 100%"), (0.5, "████░░░░  50%"), (0.999, "███████▉  99%"),
    (0.07, "▌░░░░░░░   7%"), (7.0, "████████ 100%"), (-1.0, "░░░░░░░░   0%"),
  ])
  func theBarIsAsFullAsTheFraction(_ fraction: Double, _ expected: String) {
    #expect(ProgressBar.text(fraction, cells: 8) == expected)
  }

  @Test func anUnknownFractionIsNotZero() {
    #expect(ProgressBar.text(nil, cells: 4) == "····    ?")
    #expect(ProgressBar.text(.nan, cells: 4) == "····    ?")
  }

  @Test func everyBarIsEquallyWide() {
    for step in 0...1000 {
      #expect(DisplayText.width(ProgressBar.text(Double(step) / 1000, cells: 10)) == 15)
    }
  }
}

@Suite struct DurationsTests {
  @Test(arguments: [
    (0.0, "0.0s"), (0.44, "0.4s"), (9.949, "9.9s"), (9.96, "10s"), (59.4, "59s"), (200, "3m 20s"), (18_720, "5h 12m"),
    (273_600, "3d 4h"), (-5, "0.0s"), (.infinity, "?"),
  ])
  func spansAreShownInTwoUnits(_ seconds: Double, _ expected: String) {
    #expect(Durations.text(seconds) == expected)
  }

  @Test(arguments: [("10", 10.0), ("500ms", 0.5), ("1.5m", 90), ("2h", 7200), ("1d", 86_400), ("0", 0)])
  func spansAreReadWithTheirUnit(_ text: String, _ expected: Double) {
    #expect(Durations.seconds(text) == expected)
  }

  @Test(arguments: ["", "s", "-1", "0x10", "inf", "nan", "1 m", "1w", "1e3", "²"])
  func nothingElseIsASpan(_ text: String) {
    #expect(Durations.seconds(text) == nil)
  }
}

@Suite struct StyleTests {
  @Test func colourIsForTerminalsThatWantIt() {
    #expect(Terminal(1, isTerminal: true, environment: [:]).style == .coloured)
    #expect(Terminal(1, isTerminal: false, environment: [:]).style == .plain)
    #expect(Terminal(1, isTerminal: true, environment: ["NO_COLOR": "1"]).style == .plain)
    #expect(Terminal(1, isTerminal: true, environment: ["NO_COLOR": ""]).style == .coloured)
    #expect(Terminal(1, isTerminal: true, environment: ["TERM": "dumb"]).style == .plain)
  }
}
