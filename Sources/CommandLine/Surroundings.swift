#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a command runs in: arguments aside, all that it depends on.
struct Surroundings: Sendable {
  let environment: [String: String]
  let output: Terminal
  let errors: Terminal

  init(environment: [String: String], output: Terminal, errors: Terminal) {
    self.environment = environment
    self.output = output
    self.errors = errors
  }

  /// Those of this process.
  init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    self.init(
      environment: environment, output: Terminal(Terminal.output, environment: environment),
      errors: Terminal(Terminal.errors, environment: environment))
  }

  /// Prints a table, cut to the terminal's width if there is one.
  func show(_ table: Table) {
    for line in table.lines(width: output.size?.columns, style: output.style) { output.line(line) }
  }

  /// Prints a JSON text.
  func show(json: [UInt8]) {
    var text = json
    while text.last == UInt8(ascii: "\n") { text.removeLast() }
    output.write(text + [UInt8(ascii: "\n")])
  }
}
