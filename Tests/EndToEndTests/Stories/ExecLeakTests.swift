import BatonClient
import BatonShared
import BatonTestSupport
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What many thousand programs leave behind in one worker: nothing. `scripts/exec-leak-run.sh` runs it.
@Suite(.timeLimit(.minutes(120)), .printsLogs) struct ExecLeakTests {
  private static let jobs = Executables.environment["EXEC_LEAK_JOBS"].flatMap { Int($0) }
  private static let batch = 500

  /// Programs that end well and badly, with output and results, and with processes that try to stay.
  private static let programs = [
    "exit 0",
    "echo hello; echo 0.5 > $BATON_PROGRESS_FILE",
    "exit 3",
    "kill -KILL $$",
    #"echo x > $BATON_CHECKPOINT_FILE.new; mv $BATON_CHECKPOINT_FILE.new $BATON_CHECKPOINT_FILE; exit 1"#,
    #"echo '{"a":1}' > $BATON_RESULT_FILE"#,
    "(trap '' TERM; sleep 300) & exit 0",
    "setsid sleep 300 & exit 0",
    "(env -i setsid sleep 300 </dev/null >/dev/null 2>&1 &); exit 0",
    "(env -i setsid sleep 0 </dev/null >/dev/null 2>&1 &); exit 1",
  ]

  @Test(.enabled(if: jobs != nil && ProcessTable.isAvailable && Executables.system("setsid") != nil))
  func manyProgramsLeaveNothingBehind() async throws {
    let total = try #require(Self.jobs)
    try await Fleet.with(within: .seconds(7000)) { fleet in
      let coordinator = try await fleet.startCoordinator(lease: 30)
      let worker = try await fleet.startWorker(
        "worker", for: coordinator, slots: 8, environment: ["LOG_LEVEL": "warning"])
      let pid = try #require(worker.pid)
      // What is made once and kept: threads, connections.
      try await Self.run(100, at: coordinator, after: 0)
      try await Self.quiet(pid)
      let before = try Self.look(at: pid, fleet, jobs: 0)
      print(Row.heading, before, separator: "\n")
      var early: Row?
      var done = 0
      while done < total {
        let count = min(Self.batch, total - done)
        try await Self.run(count, at: coordinator, after: 100 + done)
        done += count
        guard done.isMultiple(of: 1000) || done == total else { continue }
        try await Self.quiet(pid)
        let row = try Self.look(at: pid, fleet, jobs: done)
        print(row)
        if early == nil { early = row }
      }
      let after = try Self.look(at: pid, fleet, jobs: done)
      let grown = after.memory - (early?.memory ?? after.memory)
      print(
        "memory from \(early?.jobs ?? 0) jobs to \(done): \(grown) KiB more, \(grown * 1024 / max(done, 1)) bytes a job"
      )
      // Idle connections to the coordinator come and go.
      #expect(after.descriptors <= before.descriptors + 8)
      #expect((after.zombies, after.processes, after.folders) == (0, 0, 0))
      // A single sleep of which the memory is kept would be more, a job.
      #expect(grown < 3000 + done / 5)

      worker.signal(SIGTERM)
      #expect(try await worker.waitForEnd() == .exited(0))
      #expect(fleet.livingProcesses == [coordinator.pid].compactMap { $0 })
    }
  }

  private static func run(_ count: Int, at coordinator: RunningProcess, after earlier: Int) async throws {
    let jobs = try (0..<count).map { index in
      try JobSubmission.shell(programs[index % programs.count]).with { $0.maxAttempts = 1 }
    }
    _ = try await send(.submit(jobs), to: coordinator.address)
    try await eventually(within: .seconds(600), "the end of \(earlier + count) jobs") {
      let counts = try await send(.statistics(), to: coordinator.address).jobs
      return counts[.done] + counts[.failed] == earlier + count
    }
  }

  /// Waits until the worker has no children: its last program may just have been reported.
  private static func quiet(_ worker: Int32) async throws {
    try await eventually("the end of the worker's children") { ProcessTable.children(of: worker).isEmpty }
  }

  // MARK: Looking

  private struct Row: CustomStringConvertible {
    static let heading = "  jobs  descriptors  zombies  processes  folders  threads  memory (KiB)"

    var jobs: Int
    var descriptors: Int
    /// Children of the worker that wait to be reaped.
    var zombies: Int
    /// Of the fleet, besides the coordinator and the worker; and the worker's children.
    var processes: Int
    /// In the folder for temporary files.
    var folders: Int
    var threads: Int
    var memory: Int

    var description: String {
      zip([jobs, descriptors, zombies, processes, folders, threads, memory], [6, 13, 9, 11, 9, 9, 14])
        .map { number, width in
          let text = String(number)
          return String(repeating: " ", count: max(width - text.count, 0)) + text
        }.joined()
    }
  }

  private static func look(at worker: Int32, _ fleet: Fleet, jobs: Int) throws -> Row {
    let children = ProcessTable.children(of: worker)
    let status = String(
      decoding: FileManager.default.contents(atPath: "/proc/\(worker)/status") ?? Data(), as: UTF8.self)
    func field(_ name: String) -> Int {
      status.split(separator: "\n").first { $0.hasPrefix(name + ":") }
        .flatMap { line in line.split { !$0.isNumber }.first.flatMap { Int($0) } } ?? 0
    }
    return Row(
      jobs: jobs,
      descriptors: try FileManager.default.contentsOfDirectory(atPath: "/proc/\(worker)/fd").count,
      zombies: children.count { $0.isZombie },
      processes: Set(children.map(\.pid)).union(fleet.livingProcesses).count - 2,
      folders: try FileManager.default.contentsOfDirectory(atPath: fleet.folder + "/tmp").count,
      threads: field("Threads"), memory: field("VmRSS"))
  }
}

extension ProcessTable {
  /// The children of a process, ended ones that wait to be reaped among them.
  fileprivate static func children(of parent: Int32) -> [(pid: Int32, isZombie: Bool)] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { name in
      guard let pid = Int32(name), let stat = FileManager.default.contents(atPath: "/proc/\(pid)/stat"),
        let end = stat.lastIndex(of: UInt8(ascii: ")"))
      else { return nil }
      let fields = String(decoding: stat[end...], as: UTF8.self).split(separator: " ")
      guard fields.count > 2, Int32(fields[2]) == parent else { return nil }
      return (pid, fields[1] == "Z")
    }
  }
}
