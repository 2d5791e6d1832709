import ArgumentParser
import BatonClient
import BatonJSON
import BatonShared
import Testing

@testable import BatonCommandLine

@Suite struct SubmissionTests {
  /// The body that the command line leads to.
  private func body(_ arguments: String..., files: [String: String] = [:]) throws -> String {
    let command = try SubmitCommand.parse(arguments)
    let source = InputSource { path in
      guard let text = files[path] else { throw CommandFailure(ExitStatus.noInput, "no file \(path)") }
      return Array(text.utf8)
    }
    let job = try command.job.submission(
      kind: command.kind ?? "", command: command.command, source: source, folder: "/here")
    return String(decoding: job.json, as: UTF8.self)
  }

  private func field(_ name: String, _ body: String) throws -> String? {
    var reader = try JSONReader(Array(body.utf8))
    var found: String?
    try reader.object { key, reader throws(JSONError) in
      let value = try reader.raw()
      if key == name { found = value.description }
    }
    return found
  }

  @Test func aPayloadGoesThroughWithAllItsDigits() throws {
    let payload = #"{"a": 1.10000000000000000000001, "b":12345678901234567890, "c":1e400}"#
    #expect(try field("payload", try body("steps", "--payload", payload)) == payload)
  }

  @Test func aPayloadIsReadFromAFileOrStandardInput() throws {
    #expect(try field("payload", body("steps", "--payload", "@p.json", files: ["p.json": " [1]\n"])) == "[1]")
    #expect(try field("payload", body("steps", "--payload", "-", files: ["-": "2"])) == "2")
  }

  @Test func everyOptionBecomesItsField() throws {
    let body = try body(
      "sleep", "--queue", "q", "--priority", "-7", "--delay", "90s", "--max-attempts", "2", "--max-losses", "3",
      "--timeout-seconds", "1.5h", "--placement", "on_demand", "--on-interruption", "release", "--tag", "a=b=c",
      "--tag", "d=")
    #expect(
      body == """
        {"kind":"sleep","payload":{},"queue":"q","priority":-7,"delay_seconds":90,"max_attempts":2,"max_losses":3,\
        "timeout_seconds":5400,"placement":"on_demand","on_interruption":"release","tags":{"a":"b=c","d":""}}
        """)
  }

  @Test func anInstantIsSentAsTheSameInstant() throws {
    #expect(
      try field("run_at", body("sleep", "--run-at", "2026-01-31T13:00:00+01:00")) == #""2026-01-31T12:00:00.000Z""#)
  }

  @Test func wordsBehindTheTerminatorBecomeTheCommandAsTheyAre() throws {
    let body = try body(
      "exec", "--input", #"{"n":1.0}"#, "--env", "A=1", "--cwd", "sub", "--", "python3", "-u", "train.py", "--wait",
      "ä b")
    #expect(
      try field("payload", body)
        == #"{"command":["python3","-u","train.py","--wait","ä b"],"env":{"A":"1"},"cwd":"/here/sub","input":{"n":1.0}}"#
    )
  }

  @Test(arguments: [
    ["sleep", "--payload", "{", "x"], ["sleep", "--", "ls"], ["--batch", "f", "sleep"], [],
    ["--batch", "f", "--queue", "q"], ["sleep", "--delay", "soon"], ["sleep", "--tag", "novalue"],
    ["sleep", "--placement", "moon"], ["sleep", "--idempotency-key", "with space"],
  ])
  func nonsenseIsAUsageError(_ arguments: [String]) throws {
    let error = try #require(throws: (any Error).self) { try SubmitCommand.parse(arguments) }
    #expect(SubmitCommand.exitCode(for: error).rawValue == ExitStatus.usage)
  }

  @Test(arguments: [
    ["sleep", "--delay", "1", "--run-at", "2026-01-31T12:00:00Z"], ["sleep", "--run-at", "tomorrow"],
    ["sleep", "--priority", "101"], ["sleep", "--queue", "a b"], ["sleep", "--input", "1"], ["no kind"],
    ["exec", "--payload", "{}", "--", "ls"], ["sleep", "--tag", "a=1", "--tag", "a=2"],
    ["sleep", "--max-attempts", "0"],
  ])
  func whatDoesNotGoTogetherIsAUsageErrorBeforeAnythingIsSent(_ arguments: [String]) throws {
    let command = try SubmitCommand.parse(arguments)
    #expect(throws: ValidationError.self) {
      try command.job.submission(
        kind: command.kind ?? "", command: command.command, source: InputSource { _ in [] }, folder: "/")
    }
  }

  @Test func aPayloadThatIsNoJSONNamesTheOption() throws {
    let command = try SubmitCommand.parse(["sleep", "--payload", "{nope}"])
    let error = try #require(throws: CommandFailure.self) {
      try command.job.submission(kind: "sleep", command: [], source: .files, folder: "/")
    }
    #expect(error.code == ExitStatus.data)
    #expect(error.message.hasPrefix("--payload: "))
  }
}
