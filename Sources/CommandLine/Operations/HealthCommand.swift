import ArgumentParser
import BatonClient
import BatonShared

struct HealthCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "health", abstract: "Ask a coordinator or worker whether it lives; for containers' health checks.",
    discussion: "Gets URL/health, or URL itself if it has a path such as /ready. Exits 0 if the answer is yes, else 1.")

  @Argument(help: ArgumentHelp("The address, such as http://127.0.0.1:8081.", valueName: "url"))
  var url: String

  @Option(
    help: ArgumentHelp("How long to wait (default: 2s).", valueName: "duration"), transform: DurationArgument.seconds)
  var timeout: Double?

  func run() async throws {
    let surroundings = Surroundings()
    let (address, path) = Self.target(url)
    let configuration = BatonClient.Configuration(address: address, timeout: .seconds(timeout ?? 2))
    do {
      try await BatonClient.with(configuration) { client in
        _ = try await client.answer(to: APIRequest<Void>(.get, path, repetition: .once) { _ in })
      }
    } catch {
      let (_, message) = ExitStatus.of(error) ?? (ExitStatus.negative, "\(error)")
      surroundings.errors.line(DisplayText.printable(message))
      throw ExitCode(ExitStatus.negative)
    }
  }

  /// What to connect to and what to get.
  static func target(_ url: String) -> (address: String, path: String) {
    guard let scheme = url.range(of: "://"), let slash = url[scheme.upperBound...].firstIndex(of: "/") else {
      return (url, "/health")
    }
    let path = String(url[slash...])
    return (String(url[..<slash]), path == "/" ? "/health" : path)
  }
}

extension StringProtocol {
  fileprivate func range(of text: String) -> Range<Index>? {
    indices.lazy.compactMap { start -> Range<Index>? in
      self[start...].hasPrefix(text) ? start..<self.index(start, offsetBy: text.count) : nil
    }.first
  }
}
