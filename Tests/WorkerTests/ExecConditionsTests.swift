import BatonTelemetry
import Foundation
import Testing

@testable import BatonWorker

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The settings that say how programs run, and what becomes of bad ones.
@Suite struct ExecConditionsTests {
  @Test func theyAreRead() throws {
    let none = try WorkerConfiguration.fromEnvironment([:])
    #expect(none.execUser == nil)
    #expect(none.execEnvironment == ["*"])
    #expect(none.execLimits == ExecLimits())
    let all = try WorkerConfiguration.fromEnvironment([
      "EXEC_USER": "1234:5678", "EXEC_ENVIRONMENT": " LANG, AWS_* ", "EXEC_MAX_MEMORY_BYTES": "1073741824",
      "EXEC_MAX_FILE_BYTES": "1000000", "EXEC_MAX_CORE_BYTES": "0", "EXEC_MAX_OPEN_FILES": "256",
      "EXEC_MAX_PROCESSES": "64", "EXEC_MAX_CPU_SECONDS": "3600", "EXEC_NICE": "10",
    ])
    #expect(all.execUser?.userID == 1234)
    #expect(all.execUser?.groupID == 5678)
    #expect(all.execEnvironment == ["LANG", "AWS_*"])
    var limits = ExecLimits()
    (limits.memoryBytes, limits.fileBytes, limits.coreBytes) = (1_073_741_824, 1_000_000, 0)
    (limits.openFiles, limits.processes, limits.processorSeconds, limits.nice) = (256, 64, 3600, 10)
    #expect(all.execLimits == limits)
  }

  @Test(arguments: [
    ("EXEC_USER", "no-such-user", "a user of this machine, or uid:gid, and not root"),
    ("EXEC_USER", "root", "not root"),
    ("EXEC_USER", "0:1000", "not root"),
    ("EXEC_USER", "987654", "a user of this machine, or uid:gid"),
    ("EXEC_USER", "1000:no-such-group", "a user of this machine, or uid:gid"),
    // The number by which a system call is told to change nothing.
    ("EXEC_USER", "4294967295:1000", "not root"),
    ("EXEC_USER", "1000:4294967295", "not root"),
    ("EXEC_ENVIRONMENT", "LANG,BATON_TOKEN", "BATON_TOKEN is never passed on"),
    ("EXEC_ENVIRONMENT", "BATON_TOKEN_FILE", "BATON_TOKEN is never passed on"),
    ("EXEC_ENVIRONMENT", "LANG=C", "names of variables"),
    ("EXEC_ENVIRONMENT", "A*B", "names of variables"),
    ("EXEC_MAX_MEMORY_BYTES", "1024", "a whole number of at least 16777216"),
    ("EXEC_MAX_MEMORY_BYTES", "1GiB", "a whole number of at least 16777216"),
    ("EXEC_MAX_FILE_BYTES", "0", "a whole number of at least 1"),
    ("EXEC_MAX_CORE_BYTES", "-1", "a whole number of at least 0"),
    ("EXEC_MAX_OPEN_FILES", "3", "a whole number from 16 to 1048576"),
    ("EXEC_MAX_PROCESSES", "0", "a whole number from 1 to"),
    ("EXEC_MAX_CPU_SECONDS", "0.5", "a whole number from 1 to"),
    ("EXEC_NICE", "-5", "a whole number from 0 to 19"),
  ])
  func aBadOneIsNamedWithWhatWasExpected(name: String, value: String, expected: String) throws {
    let error = try #require(throws: SettingsError.self) { try WorkerConfiguration.fromEnvironment([name: value]) }
    let problem = try #require(error.problems.first)
    #expect(error.problems.count == 1)
    #expect(problem.name == name)
    #expect(problem.given == value)
    #expect(problem.expected.contains(expected), "\(problem)")
  }

  @Test func usersAreFoundByNameAndNumberAndGroupsToo() throws {
    let record = try #require(getpwnam("nobody"))
    let (user, group) = (record.pointee.pw_uid, record.pointee.pw_gid)
    let home = String(cString: record.pointee.pw_dir)
    let byName = try #require(ExecUser("nobody"))
    #expect((byName.userID, byName.groupID, byName.name, byName.home) == (user, group, "nobody", home))
    #expect(ExecUser("\(user)") == byName)
    let rootsGroup = String(cString: try #require(getgrgid(0)?.pointee.gr_name))
    #expect(ExecUser("nobody:\(rootsGroup)")?.groupID == 0, "if it is said in so many words")
    let unknown = try #require(ExecUser("54321:12345"))
    #expect((unknown.userID, unknown.groupID, unknown.name, unknown.home) == (54321, 12345, nil, "/"))
    for text in ["", ":", "nobody:", ":100", "-1:100", "0x3e8:100", "+5:5"] {
      #expect(ExecUser(text) == nil, "\(text)")
    }
  }

  @Test func variablesPassByNameAndBeginning() {
    let environment = [
      "PATH": "/bin", "HOME": "/h", "LANG": "C", "AWS_REGION": "r", "AWS_SECRET": "s", "AW": "x", "OTHER": "o",
      "BATON_TOKEN": "t", "BATON_TOKEN_FILE": "t", "BATON_CA_FILE": "f",
    ]
    func passed(_ entries: String...) -> Set<String> { Set(PassedVariables(entries).filter(environment).keys) }
    #expect(passed("*") == Set(environment.keys).subtracting(["BATON_TOKEN", "BATON_TOKEN_FILE"]))
    #expect(passed("AWS_*") == ["PATH", "HOME", "LANG", "AWS_REGION", "AWS_SECRET"])
    #expect(passed("OTHER", "AW") == ["PATH", "HOME", "LANG", "OTHER", "AW"])
    #expect(passed("BATON_*") == ["PATH", "HOME", "LANG", "BATON_CA_FILE"])
    #expect(PassedVariables(["OTHER"]).filter(environment)["OTHER"] == "o")
  }

  @Test func theEndOfAProgramShowsWhichLimitItReached() {
    var limits = ExecLimits()
    func reached(_ ending: ChildProcess.Ending, _ seconds: Double = 0) -> String? {
      limits.reached(.init(ending: ending, processorSeconds: seconds))
    }
    #expect(reached(.signalled(SIGXCPU), 100) == nil, "somebody else's")
    #expect(reached(.signalled(SIGKILL), 100) == nil)
    limits.processorSeconds = 10
    limits.fileBytes = 1000
    #expect(reached(.signalled(SIGXCPU)) == "EXEC_MAX_CPU_SECONDS=10")
    #expect(reached(.exited(128 + SIGXCPU)) == "EXEC_MAX_CPU_SECONDS=10")
    #expect(reached(.signalled(SIGXFSZ)) == "EXEC_MAX_FILE_BYTES=1000")
    #expect(reached(.exited(128 + SIGXFSZ)) == "EXEC_MAX_FILE_BYTES=1000")
    #expect(reached(.signalled(SIGKILL), 15.1) == "EXEC_MAX_CPU_SECONDS=10")
    #expect(reached(.signalled(SIGKILL), 9.9) == nil, "killed for another reason")
    #expect(reached(.signalled(SIGSEGV), 15.1) == nil)
    #expect(reached(.exited(SIGXCPU), 15.1) == nil)
    #expect(reached(.exited(1), 15.1) == nil)
  }

  #if os(Linux)
    private func error(_ change: (inout WorkerConfiguration) -> Void) -> String? {
      var configuration = WorkerConfiguration()
      configuration.execAllow = ["*"]
      change(&configuration)
      do {
        _ = try Worker.standard(configuration: configuration)
        return nil
      } catch {
        return "\(error)"
      }
    }

    @Test func processesAreOnlyLimitedForAUserOfTheirOwn() {
      #expect(error { $0.execLimits.processes = 5 }?.hasPrefix("EXEC_MAX_PROCESSES") == true)
      #expect(error { $0.execLimits.openFiles = 50 } == nil)
      let without = error { configuration in
        configuration.execLimits.processes = 5
        configuration.execAllow = []
      }
      #expect(without == nil, "nothing is run at all")
    }

    /// It would be a promise that nothing keeps.
    @Test func theWorkersOwnUserIsRefused() throws {
      let conditions = ExecConditions(user: ExecUser("54321:54321"))
      for own in [[54321], [0, 54321], [54321, 0]] as [Set<uid_t>] {
        let error = try #require(throws: SettingsError.self) { try conditions.check(scratchParent: "/tmp", own: own) }
        let problem = try #require(error.problems.first)
        #expect(problem.name == "EXEC_USER")
        #expect(problem.expected.hasPrefix("another user than the worker's own (54321)"), "\(problem)")
      }
      #expect(throws: Never.self) { try ExecConditions().check(scratchParent: "/tmp", own: [54321]) }
    }

    @Test(.enabled(if: geteuid() != 0)) func onlyRootRunsProgramsAsSomebodyElse() {
      let told = error { $0.execUser = ExecUser("54321:54321") }
      #expect(told?.hasPrefix("EXEC_USER (--exec-user): expected a worker that may run programs as") == true)
      #expect(told?.contains("CAP_SETUID") == true)
    }

    @Test(.enabled(if: geteuid() == 0)) func aUserWhoCannotEnterTheJobsFoldersIsRefusedAtTheStart() throws {
      let folder = FileManager.default.temporaryDirectory.path() + "/closed-\(UUID().uuidString)"
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      defer { try? FileManager.default.removeItem(atPath: folder) }
      let told = error { configuration in
        configuration.execUser = ExecUser("54321:54321")
        configuration.scratchFolder = folder
      }
      #expect(told?.hasPrefix("EXEC_USER") == true)
      #expect(told?.contains("TMPDIR") == true)
      #expect(told?.contains("cannot enter \(folder)") == true, "\(told ?? "")")
      #expect(error { $0.execUser = ExecUser("54321:54321") } == nil)
    }

    @Test func theMarkOfAProgramCanBeReadFromTheTableToo() {
      #expect(ProgramMark.current() != nil)
      #expect(ProgramMark.written(of: getpid()) == ProgramMark.current() || ProgramMark.current() == .max)
      let before = ProgramMark.put(7)
      defer { ProgramMark.undo(before) }
      #expect(ProgramMark.written(of: getpid()) == ProgramMark.current())
    }
  #endif
}
