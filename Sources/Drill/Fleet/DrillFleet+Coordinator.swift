extension DrillFleet {
  /// Starts a coordinator; returns when it runs.
  ///
  /// - Parameters:
  ///   - port: Any free one if 0.
  ///   - database: Where its database is; the fleet's own if nil.
  ///   - onListening: Told the port that it listens on.
  func startCoordinator(
    _ name: String, port: Int = 0, database: String? = nil, environment: [String: String] = [:],
    onListening: @escaping @Sendable (Int) -> Void = { _ in }
  ) async throws -> DrillProcess {
    var variables = environment
    if let database {
      variables["DATABASE_URL"] = database
    } else {
      variables["DATABASE_URL"] = await postgres.url(database: "baton")
    }
    variables["PORT"] = "\(port)"
    variables["SHUTDOWN_DELAY_SECONDS"] = "0.2"
    return try await start(name, programs.coordinator, environment: variables) { text in
      guard let line = LogLine(text), line.message == "listening" else { return }
      if let port = line.fields["address"]?.split(separator: ":").last.flatMap({ Int($0) }) { onListening(port) }
    }
  }
}
