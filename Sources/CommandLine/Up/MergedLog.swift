import BatonThreads

/// The lines of several programs on one output, each behind the name of its program.
///
/// Has a thread of its own: a terminal that stands still must not stop anything else.
actor MergedLog {
  private static let colours: [Style.Colour] = [.cyan, .green, .magenta, .blue, .yellow]

  private let executor = ThreadExecutor(name: "log")
  private let terminal: Terminal
  private let prefixes: [String: String]

  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// - Parameter names: The programs that will write.
  init(_ terminal: Terminal, names: [String]) {
    self.terminal = terminal
    prefixes = Self.prefixes(names, style: terminal.style)
  }

  /// What stands before each program's lines: all equally wide, neighbours in different colours.
  static func prefixes(_ names: [String], style: Style) -> [String: String] {
    let width = names.map(DisplayText.width).max() ?? 0
    var prefixes: [String: String] = [:]
    for (index, name) in names.enumerated() {
      prefixes[name] = style.colour(DisplayText.padded(name, to: width) + " │ ", colours[index % colours.count])
    }
    return prefixes
  }

  /// Writes a line of a program.
  func write(_ line: String, from name: String) {
    // Whoever reads the log may leave; the fleet goes on.
    _ = terminal.attempt(Array("\(prefixes[name] ?? name)\(DisplayText.printable(line))\n".utf8))
  }

  /// Writes lines of `baton up` itself.
  func say(_ text: String, _ colour: Style.Colour? = nil) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let shown = lines.map { $0.isEmpty ? "" : terminal.style.bold(terminal.style.colour(String($0), colour)) }
    _ = terminal.attempt(Array((shown.joined(separator: "\n") + "\n").utf8))
  }
}
