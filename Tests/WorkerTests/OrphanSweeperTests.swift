import BatonTestSupport
import Foundation
import Logging
import Testing

@testable import BatonWorker

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

#if os(Linux)
  /// What another worker has left that was killed, told by the mark that cannot be cleared away as an environment can.
  @Suite(
    .enabled(if: ["/usr/bin/prlimit", "/usr/bin/setpriv"].allSatisfy { (path: String) in access(path, X_OK) == 0 }))
  struct OrphanSweeperTests {
    private static func sweep() throws -> [Int32] {
      var logger = Logger(label: "sweeper")
      logger.logLevel = .critical
      return OrphanSweeper(own: try #require(.ofThisProcess()), logger: logger).sweep()
    }

    private static func start(_ command: [String]) throws -> Process {
      let process = Process()
      process.executableURL = URL(filePath: command[0])
      process.arguments = Array(command.dropFirst())
      // As a program does that has cleared its environment.
      process.environment = [:]
      try process.run()
      return process
    }

    /// A program that carries the mark of a worker of this number.
    private static func program(of worker: pid_t, as user: String? = nil) throws -> Process {
      let privileges = user.map { ["/usr/bin/setpriv", "--reuid=\($0)", "--regid=\($0)", "--clear-groups"] } ?? []
      let mark = ProgramMark.limit(7, of: worker)
      return try start(["/usr/bin/prlimit", "--locks=\(mark):"] + privileges + ["/bin/sleep", "60"])
    }

    /// Waits until it is the program that it is to become; another sweeper, of a test beside this one, may end it before
    /// that is seen.
    private static func waitUntilMarked(_ process: Process) async throws {
      try await eventually("the mark") {
        ProgramMark.worker(of: process.processIdentifier) != nil || !process.isRunning
      }
    }

    /// The number of a process that has ended.
    private static func gone() throws -> pid_t {
      let process = try start(["/bin/true"])
      process.waitUntilExit()
      return process.processIdentifier
    }

    /// Only root can start programs of another user.
    @Test(arguments: geteuid() == 0 ? [nil, "54321"] : [nil])
    func theProgramOfAWorkerThatHasEndedIsKilledThoughItShowsNoEnvironment(user: String?) async throws {
      let program = try Self.program(of: try Self.gone(), as: user)
      try await Self.waitUntilMarked(program)
      _ = try Self.sweep()
      program.waitUntilExit()
      #expect(program.terminationReason == .uncaughtSignal && program.terminationStatus == SIGKILL)
    }

    @Test func theProgramOfAWorkerThatLivesIsLeftAlone() async throws {
      for worker in [getpid(), getppid()] {
        let program = try Self.program(of: worker)
        defer { program.terminate() }
        try await Self.waitUntilMarked(program)
        #expect(ProgramMark.worker(of: program.processIdentifier) == worker)
        #expect(ProcessEntry.sharesNamespace(program.processIdentifier))
        let ended = try Self.sweep()
        #expect(!ended.contains(program.processIdentifier))
        #expect(program.isRunning)
      }
    }

    /// The number has been given to somebody else, who was started after the program.
    @Test func theProgramOfAWorkerWhoseNumberIsUsedAgainIsKilled() async throws {
      let program = try Self.start(["/bin/sleep", "60"])
      let start = try #require(ProcessEntry.read(program.processIdentifier)).id.startedAt
      var successor = try Self.start(["/bin/sleep", "60"])
      while try #require(ProcessEntry.read(successor.processIdentifier)).id.startedAt <= start {
        successor.terminate()
        successor = try Self.start(["/bin/sleep", "60"])
      }
      defer { successor.terminate() }
      let mark = ProgramMark.limit(7, of: successor.processIdentifier)
      let marking = try Self.start([
        "/usr/bin/prlimit", "--pid", "\(program.processIdentifier)", "--locks=\(mark):",
      ])
      marking.waitUntilExit()
      // None if another sweeper, of a test beside this one, came first.
      #expect([successor.processIdentifier, nil].contains(ProgramMark.worker(of: program.processIdentifier)))
      _ = try Self.sweep()
      program.waitUntilExit()
      #expect(program.terminationStatus == SIGKILL)
      #expect(successor.isRunning)
    }

    @Test func aLimitThatIsNoMarkSaysNothing() async throws {
      for limit in ["unlimited", "1000", "\(UInt64(1) << 61 | 5)"] {
        let program = try Self.start(["/usr/bin/prlimit", "--locks=\(limit):", "/bin/sleep", "60"])
        defer { program.terminate() }
        try await eventually("the program") {
          let name = try? String(contentsOfFile: "/proc/\(program.processIdentifier)/comm", encoding: .utf8)
          return name == "sleep\n"
        }
        #expect(ProgramMark.worker(of: program.processIdentifier) == nil, "\(limit)")
      }
    }

    @Test func aWorkerThatCannotBeSeenIsNotTakenForDead() throws {
      let own = try #require(WorkerMark.ofThisProcess())
      #expect(!own.hasEnded(seenFrom: own))
      #expect(WorkerMark(namespace: own.namespace, process: own.process, startedAt: "1").hasEnded(seenFrom: own))
      let gone = try Self.gone()
      #expect(WorkerMark(namespace: own.namespace, process: gone, startedAt: "1").hasEnded(seenFrom: own))
      #expect(!WorkerMark(namespace: "1", process: own.process, startedAt: "1").hasEnded(seenFrom: own))
      // Where /proc hides other users' processes, a signal still finds them.
      #expect(!ProcessEntry.isUnused(1) && !ProcessEntry.isUnused(getppid()))
      #expect(ProcessEntry.isUnused(gone))
    }
  }
#endif
