import BatonTelemetry
import Foundation
import Logging
import Testing

@Suite struct SettingsReaderTests {
  private enum Capacity: String, CaseIterable {
    case spot
    case onDemand = "on_demand"
  }

  @Test func aFlagWinsOverTheEnvironmentAndThatOverTheDefault() throws {
    let settings = SettingsReader(
      flags: ["LEASE_TTL_SECONDS": "20", "PORT": nil], environment: ["LEASE_TTL_SECONDS": "10", "PORT": "9000"])
    #expect(try settings.seconds("LEASE_TTL_SECONDS", default: 30, in: 1...86_400) == 20)
    #expect(try settings.int("PORT", default: 8080, in: 0...65_535) == 9000)
    #expect(try settings.string("HOST", default: "127.0.0.1") == "127.0.0.1")
    #expect(try settings.stringOrNil("TOKENS_FILE") == nil)
  }

  @Test func anEmptyEnvironmentVariableCountsAsUnset() throws {
    let settings = SettingsReader(environment: ["PORT": "", "HOST": "  ", "WORKER_QUEUES": ""])
    #expect(try settings.int("PORT", default: 8080) == 8080)
    #expect(try settings.stringOrNil("HOST") == nil)
    #expect(try settings.list("WORKER_QUEUES", default: ["default"]) == ["default"])
  }

  @Test func anEmptyFlagIsAValue() throws {
    let settings = SettingsReader(
      flags: ["PORT": "", "EXEC_ALLOW": "", "WORKER_QUEUES": ""], environment: ["PORT": "1", "EXEC_ALLOW": "*"])
    #expect(throws: SettingsError.self) { try settings.int("PORT", default: 8080) }
    #expect(try settings.list("EXEC_ALLOW") == [])
    #expect(throws: SettingsError.self) { try settings.list("WORKER_QUEUES", default: ["default"]) }
  }

  @Test func goodValuesOfEveryTypeAreRead() throws {
    let settings = SettingsReader(environment: [
      "A_SECONDS": " 0.25 ", "AN_INT": "-3", "ON": "Yes", "OFF": "0", "LIST": "a, b ,,c", "URL": "http://[::1]:80/x",
      "CHOICE": "ON_DEMAND", "LOG_LEVEL": "Warn", "LOG_FORMAT": "json",
    ])
    #expect(try settings.seconds("A_SECONDS", default: 1, in: 0...10) == 0.25)
    #expect(try settings.int("AN_INT", default: 1, in: -5...5) == -3)
    #expect(try settings.bool("ON", default: false))
    #expect(try !settings.bool("OFF", default: true))
    #expect(try settings.list("LIST") == ["a", "b", "c"])
    #expect(try settings.urlOrNil("URL")?.absoluteString == "http://[::1]:80/x")
    #expect(try settings.choice("CHOICE", default: Capacity.spot) == .onDemand)
    #expect(try settings.choiceOrNil("NO_CHOICE", as: Capacity.self) == nil)
    #expect(try settings.logLevel() == .warning)
    #expect(try settings.logFormat() == .json)
  }

  @Test(arguments: ["trace", "debug", "info", "notice", "warning", "error", "critical"])
  func everyLevelHasItsName(name: String) throws {
    #expect(try SettingsReader(environment: ["LOG_LEVEL": name]).logLevel().rawValue == name)
  }

  @Test(arguments: ["30s", "0x10", "nan", "infinity", "1e3", "0.5", "86401", "-5", "1 2"])
  func wrongSecondsAreNeverReplacedByTheDefault(given: String) {
    let settings = SettingsReader(environment: ["LEASE_TTL_SECONDS": given])
    #expect {
      try settings.seconds("LEASE_TTL_SECONDS", default: 30, in: 1...86_400)
    } throws: { error in
      "\(error)"
        == "LEASE_TTL_SECONDS (--lease-ttl-seconds): expected a number of seconds from 1 to 86400, got \"\(given)\""
    }
  }

  @Test func wrongValuesOfEveryTypeSayWhatWasExpected() {
    let settings = SettingsReader(
      flags: ["SPOT_WATCHER_ENABLED": "maybe"],
      environment: [
        "PORT": "65536", "SLOTS": "1.5", "COORDINATOR_URL": "localhost:8080", "WORKER_CAPACITY_TYPE": "cheap",
        "LOG_LEVEL": "loud\n", "SPOT_WATCHER_ENABLED": "true",
      ])
    expect("PORT (--port): expected a whole number from 0 to 65535, got \"65536\"") {
      try settings.int("PORT", default: 1, in: 0...65_535)
    }
    expect("SLOTS (--slots): expected a whole number of at least 1, got \"1.5\"") {
      try settings.int("SLOTS", default: 1, in: 1...Int.max)
    }
    expect("SPOT_WATCHER_ENABLED (--spot-watcher-enabled): expected true or false, got \"maybe\"") {
      try settings.bool("SPOT_WATCHER_ENABLED", default: true)
    }
    expect(
      "COORDINATOR_URL (--coordinator-url): expected a URL http://… or https://… with a host, got \"localhost:8080\""
    ) {
      try settings.urlOrNil("COORDINATOR_URL")
    }
    expect("WORKER_CAPACITY_TYPE (--worker-capacity-type): expected one of spot, on_demand, got \"cheap\"") {
      try settings.choice("WORKER_CAPACITY_TYPE", default: Capacity.spot)
    }
    expect(
      "LOG_LEVEL (--log-level): expected one of trace, debug, info, notice, warning, error, critical, got \"loud\""
    ) {
      try settings.logLevel()
    }
  }

  @Test func secretsAreNotShown() {
    let settings = SettingsReader(environment: ["BATON_TOKEN": "hunter2", "COORDINATOR_URL": "http//me:hunter2@host"])
    expect("BATON_TOKEN (--baton-token): expected 32 characters") {
      try settings.value("BATON_TOKEN", expected: "32 characters", secret: true) { $0.count == 32 ? $0 : nil }
    }
    expect("COORDINATOR_URL (--coordinator-url): expected a URL http://… or https://… with a host") {
      try settings.urlOrNil("COORDINATOR_URL")
    }
    #expect(!"\(settings)".contains("hunter2"))
  }

  @Test func allProblemsAreReportedTogether() throws {
    let settings = SettingsReader(flags: ["A": "x"], environment: ["B": "y", "C": "3"])
    expect(
      """
      A (--a): expected a whole number of at least 0, got "x"
      B (--b): expected true or false, got "y"
      """
    ) {
      try settings.collect {
        (try $0.int("A", default: 1), try $0.bool("B", default: true), try $0.int("C", default: 1))
      }
    }
    expect(
      """
      A (--a): expected a whole number of at least 0, got "x"
      C (--c): expected less than D, got "3"
      D (--d): expected a file
      B (--b): expected true or false, got "y"
      """
    ) {
      try settings.collect { settings in
        _ = try settings.int("A", default: 1)
        try settings.require(true, "C", expected: "nothing")
        try settings.require(false, "C", expected: "less than D")
        try settings.require(false, "D", expected: "a file")
        _ = try settings.bool("B", default: true)
      }
    }
    expect("C (--c): expected less than D, got \"3\"") { try settings.require(false, "C", expected: "less than D") }
    #expect(try settings.collect { try $0.int("C", default: 1) } == 3)
  }

  @Test func theEnvironmentOfTheProcessIsTheDefault() throws {
    #expect(try SettingsReader().stringOrNil("PATH") == ProcessInfo.processInfo.environment["PATH"])
  }

  private func expect<Value>(
    _ message: String, sourceLocation: SourceLocation = #_sourceLocation, from body: () throws -> Value
  ) {
    let error = #expect(throws: SettingsError.self, sourceLocation: sourceLocation) { _ = try body() }
    #expect(error?.description == message, sourceLocation: sourceLocation)
  }
}
