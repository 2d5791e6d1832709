import ArgumentParser
import BatonClient
import BatonShared
import Testing

@testable import BatonCommandLine

@Suite struct ExitStatusTests {
  @Test(arguments: [
    (Problem.Code.unauthorized, ExitStatus.noPermission), (.forbidden, ExitStatus.noPermission),
    (.notFound, ExitStatus.negative), (.conflict, ExitStatus.negative), (.invalidRequest, ExitStatus.negative),
    (.payloadTooLarge, ExitStatus.negative), (.draining, ExitStatus.unavailable),
    (.databaseUnavailable, ExitStatus.unavailable), (.internalError, ExitStatus.negative),
  ])
  func aRefusalHasItsNumberAndItsDetail(_ code: Problem.Code, _ expected: Int32) throws {
    let status = try #require(ExitStatus.of(Problem(code, "because of 'x'")))
    #expect(status.code == expected)
    #expect(status.message.hasPrefix("because of 'x'"))
  }

  @Test func noCoordinatorIsUnavailable() {
    #expect(ExitStatus.of(ClientError.unreachable(address: "a", reason: "r"))?.code == 69)
    #expect(ExitStatus.of(ClientError.interrupted(address: "a", reason: "r"))?.code == 69)
    #expect(ExitStatus.of(ClientError.invalidAddress("x"))?.code == 64)
    #expect(ExitStatus.of(ClientError.unreadable("x"))?.code == 76)
  }

  @Test func usageErrorsAreLeftToTheParser() throws {
    #expect(ExitStatus.of(ValidationError("x")) == nil)
    let error = try #require(throws: (any Error).self) { try Baton.parseAsRoot(["jobs", "--nope"]) }
    #expect(Baton.exitCode(for: error).rawValue == 64)
  }
}

@Suite struct GlobalOptionsTests {
  @Test func optionsBeforeTheSubcommandMoveBehindIt() {
    #expect(
      GlobalOptions.moved(["--url", "u", "--json", "--timeout=3", "jobs", "--all"])
        == ["jobs", "--url", "u", "--json", "--timeout=3", "--all"])
  }

  @Test(arguments: [["jobs", "--url", "u"], ["--help"], ["--url"], ["--url", "u"], ["--url", "u", "--help"], []])
  func othersStayAsTheyAre(_ arguments: [String]) {
    #expect(GlobalOptions.moved(arguments) == arguments)
  }

  @Test func whatIsGivenWinsOverTheEnvironment() throws {
    let environment = ["COORDINATOR_URL": "http://env:1", "BATON_TOKEN": "secret"]
    let given = try ConnectionOptions.parse(["--url", "http://flag:2", "--token", "t", "--timeout", "2m"])
      .configuration(environment)
    #expect(given.address == "http://flag:2" && given.token == "t" && given.timeout == .seconds(120))
    let fallback = try ConnectionOptions.parse([]).configuration(environment)
    #expect(fallback.address == "http://env:1" && fallback.token == "secret" && fallback.timeout == .seconds(10))
    let none = try ConnectionOptions.parse([]).configuration(["COORDINATOR_URL": ""])
    #expect(none.address == "http://127.0.0.1:8080" && none.token == nil)
  }
}
