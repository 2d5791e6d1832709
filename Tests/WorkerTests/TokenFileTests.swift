import BatonTelemetry
import Foundation
import Testing

@testable import BatonWorker

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A token that is in no environment.
@Suite struct TokenFileTests {
  private let path = FileManager.default.temporaryDirectory.path() + "/token-\(UUID().uuidString)"

  private func write(_ text: String, mode: mode_t = 0o600) throws {
    try Data(text.utf8).write(to: URL(filePath: path))
    chmod(path, mode)
  }

  private func read(_ environment: [String: String] = [:]) throws -> String? {
    try WorkerConfiguration.fromEnvironment(environment.merging(["BATON_TOKEN_FILE": path]) { $1 }).token
  }

  /// - Returns: What was expected instead.
  private func refusal(_ environment: [String: String] = [:]) throws -> String {
    let error = try #require(throws: SettingsError.self) { try read(environment) }
    #expect(error.problems.map(\.name) == ["BATON_TOKEN_FILE"])
    #expect(!"\(error)".contains("secret"))
    return error.problems[0].expected
  }

  @Test func itIsReadWithoutTheLineEnd() throws {
    defer { unlink(path) }
    for text in ["secret", "secret\n", " secret \r\n\n"] {
      try write(text)
      #expect(try read() == "secret")
    }
    try write("secret", mode: 0o640)
    #expect(try read() == "secret", "a group may read it")
  }

  @Test func whatIsNoTokenIsRefused() throws {
    defer { unlink(path) }
    #expect(try refusal().contains("No such file"))
    for text in ["", "\n", "secret secret", "secret\nother"] {
      try write(text)
      #expect(try refusal() == "a file with a token in it, and nothing else")
    }
    try write("secret" + String(repeating: "x", count: 5000))
    #expect(try refusal().contains("at most 4096 bytes"))
    unlink(path)
    mkfifo(path, 0o600)
    #expect(try refusal().contains("a file of at most"), "and nobody waits for a writer")
  }

  @Test func oneThatOthersMayReadIsRefused() throws {
    defer { unlink(path) }
    for mode in [0o604, 0o602, 0o644, 0o666] as [mode_t] {
      try write("secret", mode: mode)
      #expect(try refusal().contains("chmod o-rwx"))
    }
  }

  /// Programs of jobs must not be able to read it: that is what it is for.
  @Test(.enabled(if: geteuid() == 0)) func oneThatProgramsMayReadIsRefused() throws {
    defer { unlink(path) }
    try write("secret", mode: 0o400)
    chown(path, 54321, 0)
    #expect(try refusal(["EXEC_USER": "54321:54321"]).contains("user 54321, whom programs run as (EXEC_USER)"))
    #expect(try read() == "secret")
    try write("secret", mode: 0o440)
    chown(path, 0, 54321)
    #expect(try refusal(["EXEC_USER": "54322:54321"]).contains("EXEC_USER"))
    // A list of users that may read it shows as rights of the group, whichever that is.
    #expect(try refusal(["EXEC_USER": "54321:54322"]).contains("chmod go-rwx"))
    chmod(path, 0o400)
    #expect(try read(["EXEC_USER": "54322:54321"]) == "secret", "its group may not read it")
  }

  @Test func oneTokenIsEnough() throws {
    defer { unlink(path) }
    try write("secret")
    #expect(try refusal(["BATON_TOKEN": "secret"]).contains("nothing beside BATON_TOKEN"))
  }
}
