import BatonShared
import BatonTestSupport
import Foundation
import Logging
import Testing

@testable import BatonCoordinator

@Suite(.serialized) struct LogSecrecyTests {
  @Test func noLevelOfTheLogShowsASecretOrWhatServicesAreMadeOf() async throws {
    let made = Access.make(role: .admin, name: "operator")
    let path = NSTemporaryDirectory() + "baton-tokens-\(UUID().uuidString)"
    try (made.line + "\n").write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let log = RecordedLog()
    var logger = Logger(label: "test") { _ in log }
    logger.logLevel = .trace

    let database = try await TestDatabase.make()
    let password = "open-sesame-\(UUID().uuidString)"
    try await RunningCoordinator.run(
      databaseURL: database.url + "&password=\(password)", configuration: .testing { $0.tokensFile = path },
      logger: logger
    ) { coordinator async throws in
      try await coordinator.api.untilReady()
      let api = coordinator.api.with(token: made.token)
      try await api.submit()
      _ = try await api.lease()
      #expect(try await coordinator.api.with(token: made.token + "0").get("/jobs").status == 401)
      #expect(try await api.post("/jobs", "{").status == 400)
    }
    // One that cannot connect has something to complain about.
    for url in [
      "postgresql://me:\(password)@127.0.0.1:1/nowhere", "postgresql://me:\(password)@[::1/nowhere",
      "host=127.0.0.1 password=\(password) nonsense",
    ] {
      try await RunningCoordinator.run(databaseURL: url, logger: logger) { coordinator async throws in
        #expect(try await coordinator.api.get("/ready").status == 503)
        try await eventually("a complaint") { log.lines.contains { $0.contains("waiting for the database") } }
      }
    }
    let text = log.lines.joined(separator: "\n")
    #expect(text.contains("LeaseReaper") && text.contains("Starting service"), "the log is that of all levels")
    for secret in [password, made.token, String(made.line.split(separator: " ").last!)] {
      #expect(!text.contains(secret))
    }
    #expect(!text.contains("JobStore(") && !text.contains("CoordinatorConfiguration("))
  }
}
