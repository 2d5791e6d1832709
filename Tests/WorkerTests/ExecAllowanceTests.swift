import BatonTelemetry
import Foundation
import Testing

@testable import BatonWorker

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What EXEC_ALLOW lets run, and the ways around it.
@Suite struct ExecAllowanceTests {
  @Test(arguments: ["*", "python3", "a.out", "..a", "/usr/bin/python3", "/opt/my tools/render", "/x"])
  func aNameOrAnAbsolutePathIsTaken(entry: String) throws {
    #expect(try WorkerConfiguration.fromEnvironment(["EXEC_ALLOW": "sh, \(entry)"]).execAllow == ["sh", entry])
    #expect(throws: Never.self) { try ExecAllowance([entry]).check() }
  }

  @Test(arguments: [
    "./tool", "bin/tool", "../tool", "tool/", "/usr/bin/", "/", "//tool", "/usr//bin/tool", "/usr/./tool",
    "/jobs/../usr/bin/tool", "/usr/bin/..", ".", "..", "bin/\u{301}tool",
  ])
  func whatMeansOneThingHereAndAnotherThereIsRefusedAtTheStart(entry: String) throws {
    let error = try #require(throws: SettingsError.self) {
      try WorkerConfiguration.fromEnvironment(["EXEC_ALLOW": "sh,\(entry)"])
    }
    let problem = try #require(error.problems.first)
    #expect(problem.name == "EXEC_ALLOW" && problem.expected.contains("each an absolute path"), "\(problem)")
    // Set by a program that has the worker as a library.
    var configuration = WorkerConfiguration()
    configuration.execAllow = ["sh", entry]
    let started = try #require(throws: SettingsError.self) { try Worker.standard(configuration: configuration) }
    #expect(started.problems.map(\.name) == ["EXEC_ALLOW"])
  }

  /// Two programs of one name: the operator's, and the one of whoever submits.
  private struct Stage {
    let folder = FileManager.default.temporaryDirectory.appending(path: "allowance-\(UUID().uuidString)").path()
    var good: String { folder + "/good" }
    var evil: String { folder + "/evil" }

    init() throws {
      for (path, word) in [("good/tool", "good"), ("evil/tool", "evil"), ("evil/bin/tool", "evil")] {
        let path = "\(folder)/\(path)"
        let parent = String(path[..<path.lastIndex(of: "/")!])
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        try Data("#!/bin/sh\necho \(word)\n".utf8).write(to: URL(filePath: path))
        chmod(path, 0o755)
      }
      symlink(good + "/tool", evil + "/link")
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    /// - Returns: The code of the error, or what the program wrote.
    func run(_ program: String, allowing entries: [String], searchPath: String) async throws -> String {
      try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
        let extra = #","cwd":"\#(evil)","env":{"PATH":"\#(evil):\#(evil)/bin:/usr/bin:/bin"}"#
        let job = try coordinator.submit("exec", execPayload([program], extra: extra))
        let worker = try TestWorker(coordinator) { configuration in
          configuration.execAllow = entries
          configuration.environment["PATH"] = searchPath
        }
        return try await worker.run {
          let outcome = try await coordinator.outcome(of: job)
          return outcome.error?.code ?? String(decoding: coordinator.state.value.jobs[job]!.log, as: UTF8.self)
        }
      }
    }
  }

  @Test func aNameIsLookedUpInTheWorkersPathWhateverTheJobSays() async throws {
    let stage = try Stage()
    defer { stage.remove() }
    // Relative folders would be the job's: the program starts in its 'cwd'.
    for path in [stage.good, ".:bin::\(stage.good)", "../evil:\(stage.good)"] {
      #expect(try await stage.run("tool", allowing: ["tool"], searchPath: path) == "good\n", "\(path)")
    }
    #expect(try await stage.run("tool", allowing: ["tool"], searchPath: ".:bin::/nowhere") == "command_not_found")
    #expect(
      try await stage.run("\(stage.good)/tool", allowing: ["\(stage.good)/tool"], searchPath: "/bin") == "good\n")
  }

  @Test func noOtherWritingOfAnAllowedProgramIsAllowed() async throws {
    let stage = try Stage()
    defer { stage.remove() }
    let allowance = ExecAllowance(["tool", "\(stage.good)/tool", "/jobs/caf\u{E9}"])
    for program in [
      "./tool", "bin/tool", "tool/", "../good/tool", "/tool", "TOOL", " tool", "tool ", "\(stage.evil)/tool",
      "\(stage.evil)/link", "\(stage.good)/tool/", "\(stage.good)//tool", "\(stage.good)/./tool",
      "\(stage.good)/../evil/tool", "\(stage.good)/../good/tool", "/jobs/cafe\u{301}",
    ] {
      #expect(!allowance.allows(program), "\(program)")
    }
    #expect(allowance.allows("/jobs/caf\u{E9}"))
    for program in ["./tool", "\(stage.evil)/link"] {
      let outcome = try await stage.run(program, allowing: ["tool", "\(stage.good)/tool"], searchPath: stage.good)
      #expect(outcome == "not_allowed")
    }
  }

  @Test func aPathThatIsFoundIsAbsolute() throws {
    let stage = try Stage()
    defer { stage.remove() }
    #expect(
      ProgramSearch.path(of: "bin/tool", in: stage.evil, searchPath: "/bin") == "\(stage.evil)/bin/tool",
      "where all are allowed, a path is relative to where the job runs")
    let here = FileManager.default.currentDirectoryPath
    let up = String(repeating: "../", count: here.split(separator: "/").count)
    let relative = up + stage.evil.dropFirst()
    #expect(
      ProgramSearch.path(of: "tool", in: nil, searchPath: relative) == nil,
      "a relative folder of the PATH is passed over, though the program is there")
    #expect(
      ProgramSearch.path(of: "tool", in: relative, searchPath: "/nowhere") == nil
        && ProgramSearch.path(of: "./tool", in: relative, searchPath: "") == "\(here)/\(relative)/./tool")
  }
}
