/// Options that may stand before the subcommand as well as behind it.
enum GlobalOptions {
  private static let withValue = ["--url", "--token", "--timeout"]
  private static let flags = ["--json"]

  /// Moves such options from before the subcommand to right behind it, where it reads them.
  static func moved(_ arguments: [String]) -> [String] {
    var index = 0
    while index < arguments.count {
      let argument = arguments[index]
      if withValue.contains(argument) {
        index += 2
      } else if flags.contains(argument) || withValue.contains(where: { argument.hasPrefix($0 + "=") }) {
        index += 1
      } else {
        break
      }
    }
    guard index > 0, index < arguments.count, !arguments[index].hasPrefix("-") else { return arguments }
    return [arguments[index]] + arguments[..<index] + arguments[(index + 1)...]
  }
}
