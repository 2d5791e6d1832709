import BatonShared
import Foundation
import Testing

@testable import BatonWorker

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

#if os(Linux)
  /// Programs that run as another user than the worker, on real processes; only root can do that.
  @Suite(.serialized, .enabled(if: geteuid() == 0 && ExecUser("nobody") != nil)) struct ExecUserTests {
    private let folder: String
    /// What only the worker may read.
    private var secret: String { folder + "/secret" }

    init() throws {
      folder = FileManager.default.temporaryDirectory.path() + "/user-\(UUID().uuidString)"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try Data(#""the worker's own""#.utf8).write(to: URL(filePath: secret))
      chmod(secret, 0o600)
      chmod(folder, 0o755)
    }

    private func run(
      _ script: String, checkpoint: [UInt8]? = nil, user: String = "nobody", extra: String = "",
      limits: ExecLimits = ExecLimits()
    ) async throws -> (outcome: Settlement, log: String, checkpoints: [String], scratch: String) {
      defer { try? FileManager.default.removeItem(atPath: folder) }
      let user = try #require(ExecUser(user))
      return try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
        let job = try coordinator.submit(
          "exec", execPayload(["sh", "-c", script, "sh", secret, folder], extra: extra), checkpoint: checkpoint)
        let worker = try TestWorker(coordinator) { configuration in
          configuration.execUser = user
          configuration.execLimits = limits
        }
        return try await worker.run {
          let outcome = try await coordinator.outcome(of: job)
          let state = coordinator.state.value
          return (
            outcome, String(decoding: state.jobs[job]!.log, as: UTF8.self),
            state.checkpointsSaved.map { String(decoding: $0, as: UTF8.self) }, outcome.leaseID.description
          )
        }
      }
    }

    private static func leftOvers(_ lease: String) -> [String] {
      let parent = FileManager.default.temporaryDirectory.path()
      return ((try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []).filter { $0.hasSuffix(lease) }
    }

    @Test func aProgramIsThatUserWithNothingOfTheWorkersPowers() async throws {
      let script = """
        id -u; id -g; id -G; echo $HOME $USER $LOGNAME
        grep -E '^(Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapAmb|NoNewPrivs)' /proc/self/status | tr -s '\\t ' ' '
        """
      let (outcome, log, _, _) = try await run(script)
      let nobody = try #require(ExecUser("nobody"))
      #expect(outcome.outcome == .done)
      let (user, group) = (nobody.userID, nobody.groupID)
      #expect(
        log == """
          \(user)
          \(group)
          \(group)
          \(nobody.home) nobody nobody
          Uid: \(user) \(user) \(user) \(user)
          Gid: \(group) \(group) \(group) \(group)
          Groups:\(" ")
          CapInh: 0000000000000000
          CapPrm: 0000000000000000
          CapEff: 0000000000000000
          CapAmb: 0000000000000000
          NoNewPrivs: 1

          """)
    }

    @Test func aNumberWithoutAnAccountHasNoNameAndNoHome() async throws {
      let (_, log, _, _) = try await run("id -u; id -g; echo $HOME ${USER-none} ${LOGNAME-none}", user: "54321:54322")
      #expect(log == "54321\n54322\n/ none none\n")
    }

    @Test func itCannotReadWhatOnlyTheWorkerMay() async throws {
      let script = """
        cat "$1" && echo read; cat /proc/$PPID/environ && echo read; ls /proc/$PPID/fd && echo read
        kill -0 $PPID && echo signalled; touch /usr/bin/of-mine && echo written; exit 0
        """
      let (outcome, log, _, _) = try await run(script)
      #expect(outcome.outcome == .done)
      #expect(!log.contains("read\n") && !log.contains("signalled") && !log.contains("written"), "\(log)")
      #expect(log.contains("Permission denied"))
      let inside = try await ExecUserTests().run("pwd", extra: #","cwd":"/root""#)
      if access("/root", X_OK) == 0, Self.mode(of: "/root") & 0o005 == 0 {
        #expect(inside.outcome.error?.code == "spawn_failed")
        #expect(inside.outcome.error?.message == "cannot start 'sh': cannot enter /root as nobody: Permission denied")
      }
    }

    private static func mode(of path: String) -> mode_t {
      var status = stat()
      return stat(path, &status) == 0 ? status.st_mode : 0
    }

    @Test func itsFilesInputAndOutputAreItsOwn() async throws {
      let script = """
        cat /dev/stdin; echo; echo loud > /dev/stderr; echo on >> /dev/stdout
        cat "$BATON_CHECKPOINT_FILE"; echo 0.5 > "$BATON_PROGRESS_FILE"
        echo more >> "$BATON_CHECKPOINT_FILE"; sleep 3
        echo new > "$BATON_CHECKPOINT_FILE.new"; mv "$BATON_CHECKPOINT_FILE.new" "$BATON_CHECKPOINT_FILE"; sleep 3
        echo '{"is":"done"}' > "$BATON_RESULT_FILE"; stat -c %U "$BATON_RESULT_FILE" "$(dirname "$BATON_RESULT_FILE")"
        """
      let (outcome, log, checkpoints, lease) = try await run(
        script, checkpoint: Array("before\n".utf8), extra: #","input":[1,2]"#)
      #expect(outcome.outcome == .done)
      #expect(outcome.result.map { String(decoding: $0.bytes, as: UTF8.self) } == #"{"is":"done"}"#)
      #expect(log == "[1,2]\nloud\non\nbefore\nnobody\nnobody\n")
      #expect(checkpoints == ["before\nmore\n", "new\n"])
      #expect(Self.leftOvers(lease) == [])
    }

    @Test func anInterruptedProgramGoesOnFromItsCheckpoint() async throws {
      defer { try? FileManager.default.removeItem(atPath: folder) }
      let script = """
        save() { echo "$1" > "$BATON_CHECKPOINT_FILE.new"; mv "$BATON_CHECKPOINT_FILE.new" "$BATON_CHECKPOINT_FILE"; }
        if [ -e "$BATON_CHECKPOINT_FILE" ]; then echo "\\"$(cat "$BATON_CHECKPOINT_FILE")\\"" > "$BATON_RESULT_FILE"; exit; fi
        trap 'save "saved by $(id -un)"; exit 75' TERM
        echo ready; while :; do sleep 0.05; done
        """
      let first = try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
        let job = try coordinator.submit("exec", execPayload(["sh", "-c", script]), onInterruption: .checkpoint)
        let worker = try TestWorker(coordinator) { $0.execUser = ExecUser("nobody") }
        return try await worker.run {
          try await coordinator.wait("its start") { $0.jobs[job]?.log.isEmpty == false }
          worker.drain.receive(InterruptionNotice(source: "simulated", action: "terminate", secondsLeft: 20))
          #expect(try await coordinator.outcome(of: job).outcome == .interrupted)
          return coordinator.state.value.jobs[job]?.checkpoint
        }
      }
      #expect(first == Array("saved by nobody\n".utf8))
      let (outcome, _, _, _) = try await run(script, checkpoint: first)
      #expect(outcome.result.map { String(decoding: $0.bytes, as: UTF8.self) } == #""saved by nobody""#)
    }

    @Test(arguments: ["BATON_RESULT_FILE", "BATON_CHECKPOINT_FILE", "BATON_PROGRESS_FILE"])
    func aLinkToWhatOnlyTheWorkerMayReadIsNotFollowed(file: String) async throws {
      let (outcome, log, checkpoints, lease) = try await run("ln -s \"$1\" \"$\(file)\"; sleep 1.2")
      #expect(checkpoints == [])
      #expect(outcome.result == nil)
      if file == "BATON_RESULT_FILE" {
        #expect(outcome.error?.code == "invalid_result")
        #expect(outcome.error?.message == "the file that BATON_RESULT_FILE names: is a symbolic link")
      } else {
        #expect(outcome.outcome == .done)
      }
      let told = "baton: the checkpoint is not saved: the file that BATON_CHECKPOINT_FILE names is a symbolic link\n"
      #expect(log == (file == "BATON_CHECKPOINT_FILE" ? told : ""), "once")
      #expect(Self.leftOvers(lease) == [])
    }

    /// The folder belongs to the user, who may put a link to another in its place.
    @Test func anotherFolderInPlaceOfTheJobsIsNeitherReadNorEmptied() async throws {
      let inside = folder + "/inside"
      try FileManager.default.createDirectory(atPath: inside, withIntermediateDirectories: true)
      for name in ["result.json", "checkpoint"] {
        try Data(#""the worker's own""#.utf8).write(to: URL(filePath: inside + "/" + name))
      }
      chmod(inside, 0o700)
      let script = """
        own=$(dirname "$BATON_RESULT_FILE"); echo '"mine"' > "$BATON_RESULT_FILE"
        mv "$own" "$own-away" && ln -s "$2/inside" "$own" && sleep 1.2
        """
      defer { try? FileManager.default.removeItem(atPath: folder) }
      let user = try #require(ExecUser("nobody"))
      let (lease, result) = try await CoordinatorDouble.run { coordinator in
        let job = try coordinator.submit("exec", execPayload(["sh", "-c", script, "sh", secret, folder]))
        return try await TestWorker(coordinator) { $0.execUser = user }.run {
          let outcome = try await coordinator.outcome(of: job)
          #expect(outcome.outcome == .done)
          #expect(coordinator.state.value.checkpointsSaved == [])
          return (outcome.leaseID.description, outcome.result.map { String(decoding: $0.bytes, as: UTF8.self) })
        }
      }
      #expect(result == #""mine""#, "the job's own folder, wherever it is")
      #expect(try FileManager.default.contentsOfDirectory(atPath: inside).sorted() == ["checkpoint", "result.json"])
      let parent = FileManager.default.temporaryDirectory.path()
      for name in try FileManager.default.contentsOfDirectory(atPath: parent) where name.contains(lease) {
        let path = "\(parent)/\(name)"
        if name.hasSuffix("-away") { #expect(try FileManager.default.contentsOfDirectory(atPath: path) == []) }
        try FileManager.default.removeItem(atPath: path)
      }
    }

    @Test func whatItMadeIsRemovedAndWhatItLinkedToIsNot() async throws {
      let outside = folder + "/outside"
      try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
      try Data("keep".utf8).write(to: URL(filePath: outside + "/file"))
      let script = """
        cd "$(dirname "$BATON_RESULT_FILE")"; mkdir -p a/b sticky; ln -s "$2/outside" a/b/link; : > a/b/file; : > sticky/file
        chmod 500 a/b a; chmod 1777 sticky; mkdir -m 000 none
        """
      defer { try? FileManager.default.removeItem(atPath: folder) }
      let user = try #require(ExecUser("nobody"))
      try await CoordinatorDouble.run { coordinator in
        let job = try coordinator.submit("exec", execPayload(["sh", "-c", script, "sh", secret, folder]))
        try await TestWorker(coordinator) { $0.execUser = user }.run {
          let outcome = try await coordinator.outcome(of: job)
          #expect(outcome.outcome == .done)
          #expect(Self.leftOvers(outcome.leaseID.description) == [])
        }
      }
      #expect(try Data(contentsOf: URL(filePath: outside + "/file")) == Data("keep".utf8))
    }

    @Test func theFolderOfAKilledWorkersProgramIsRemovedThoughItIsAnotherUsers() throws {
      defer { try? FileManager.default.removeItem(atPath: folder) }
      let user = try #require(ExecUser("54321:54321"))
      let gone = try ScratchFolder(under: folder, named: "gone", for: user)
      try gone.write([1], to: .checkpoint)
      try gone.handOver()
      gone.unlock()
      #expect(LeftoverFolders(folder).look() == .init(), "it may be anybody's")
      #expect(LeftoverFolders(folder, of: user).look() == .init(removed: [gone.path]))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["secret"])
    }

    /// Counted for the user, so it is one that no other test has.
    @Test func processesAreLimited() async throws {
      var limits = ExecLimits()
      limits.processes = 8
      let script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1 & done; echo all; wait"
      let (outcome, log, _, _) = try await run(script, user: "54324:54324", limits: limits)
      #expect(outcome.outcome == .failed)
      #expect(log.contains("annot fork"), "\(log)")
      let (enough, _, _, _) = try await ExecUserTests().run(
        "for i in 1 2 3; do sleep 0.1 & done; wait", user: "54325:54325", limits: limits)
      #expect(enough.outcome == .done)
    }
  }
#endif
