import ArgumentParser
import BatonClient
import BatonJSON
import BatonShared
import Testing

@testable import BatonCommandLine

@Suite struct CommandRunTests {
  /// Runs a command against a double.
  private func run<Command: RemoteCommand>(
    _ type: Command.Type, _ arguments: [String], _ script: @escaping CoordinatorDouble.Script
  ) async throws -> (output: String, errors: String, failure: (any Error)?, received: [CoordinatorDouble.Received]) {
    let captured = try CapturedOutput()
    let command = try Command.parse(arguments)
    return try await CoordinatorDouble.run(script) { double in
      let configuration = BatonClient.Configuration(address: double.address, timeout: .seconds(5))
      var failure: (any Error)?
      do {
        try await BatonClient.with(configuration) { client in
          try await command.run(client, captured.surroundings)
        }
      } catch {
        failure = error
      }
      return (captured.output, captured.errors, failure, double.received)
    }
  }

  @Test func submitPrintsTheIdAndSendsAKeyOfItsOwn() async throws {
    let first = try await run(SubmitCommand.self, ["steps"]) { _, _ in .json(Samples.job(3), status: 201) }
    let second = try await run(SubmitCommand.self, ["steps"]) { _, _ in .json(Samples.job(3), status: 201) }
    #expect(first.output == "\(Samples.id(3))\n" && first.failure == nil)
    let keys = [first, second].map { $0.received[0].headers["idempotency-key"] }
    #expect(keys[0] != nil && keys[0] != keys[1])
  }

  @Test func submitWithJSONPrintsWhatTheCoordinatorSaid() async throws {
    let answer = #"{"id":"\#(Samples.id(3))","new_field":1.10,"kind":"steps"}"#
    let run = try await run(SubmitCommand.self, ["steps", "--json"]) { _, _ in .json(answer, status: 201) }
    #expect(run.output == answer + "\n")
  }

  @Test func submitAndWaitEndsWithOneWhenTheJobFailed() async throws {
    let run = try await run(SubmitCommand.self, ["steps", "--wait"]) { request, _ in
      request.method == "POST"
        ? .json(Samples.job(3), status: 201)
        : .json(Samples.job(3, .failed, attempt: 1, worker: "w") { $0.error = .init(code: "exit", message: "1") })
    }
    #expect((run.failure as? ExitCode)?.rawValue == 1)
    #expect(run.output == "\(Samples.id(3))\n")
    #expect(run.errors == "\(Samples.id(3)) steps failed in 50s on w: exit: 1\n")
  }

  @Test func watchFollowsEveryUnfinishedJobToItsEnd() async throws {
    let run = try await run(WatchCommand.self, []) { request, number in
      switch request.target {
      case "/jobs?status=queued&limit=1000": .json(JobPage(jobs: [Samples.job(2)], nextCursor: nil))
      case "/jobs?status=processing&limit=1000":
        .json(JobPage(jobs: [Samples.job(1, .processing, attempt: 1, worker: "w")], nextCursor: nil))
      case "/jobs/\(Samples.id(1))" where number < 4: .json(Samples.job(1, .processing, attempt: 1, worker: "w"))
      case "/jobs/\(Samples.id(1))": .json(Samples.job(1, .done, attempt: 1, worker: "w"))
      default: .json(Samples.job(2, .cancelled))
      }
    }
    #expect((run.failure as? ExitCode)?.rawValue == 1, "a cancelled job is no success")
    #expect(
      run.output == """
        \(Samples.id(1)) steps attempt 1 on w
        \(Samples.id(2)) steps cancelled
        \(Samples.id(1)) steps done in 50s on w

        """)
  }

  @Test func manyJobsAreWatchedByTheList() async throws {
    let ids = (1...100).map { Samples.id($0).description }
    let run = try await run(WatchCommand.self, ids) { request, _ in
      request.target == "/jobs?limit=1000"
        ? .json(JobPage(jobs: (1...95).reversed().map { Samples.job($0, .done, attempt: 1) }, nextCursor: nil))
        : .json(Samples.job(Int(request.target.suffix(3))!, .done, attempt: 1))
    }
    #expect(run.failure == nil)
    #expect(run.received.count == 6)
    #expect(run.output.split(separator: "\n").count == 100)
  }

  @Test func jobsReadsAsManyPagesAsItTakes() async throws {
    let script: CoordinatorDouble.Script = { request, _ in
      request.target.contains("cursor=2")
        ? .json(JobPage(jobs: [Samples.job(1)], nextCursor: nil))
        : .json(JobPage(jobs: [Samples.job(3), Samples.job(2)], nextCursor: "2"))
    }
    let all = try await run(JobsCommand.self, ["--all", "--json"], script)
    #expect(try JobPage(json: Array(all.output.dropLast().utf8)).jobs.map(\.id) == [3, 2, 1].map(Samples.id))
    let some = try await run(JobsCommand.self, ["--limit", "2", "--tag", "a=b"], script)
    #expect(some.received.map(\.target) == ["/jobs?tag.a=b&limit=2"])
    #expect(some.output.split(separator: "\n").count == 3)
  }

  @Test func jobTellsTheStoryOfItsAttempts() async throws {
    let attempts = AttemptList(attempts: [
      AttemptSnapshot(
        attempt: 1, leaseID: LeaseID(), workerID: "worker-1-a", capacityType: .spot, outcome: .interrupted,
        reason: "spot notice", startedAt: Samples.now,
        endedAt: Instant(microseconds: Samples.now.microseconds + 3_000_000),
        checkpointSequence: 4)
    ])
    let script: CoordinatorDouble.Script = { request, _ in
      request.target.hasSuffix("/attempts") ? .json(attempts) : .json(Samples.job(1, .done, attempt: 2, worker: "w2"))
    }
    let id = Samples.id(1).description
    let text = try await run(JobCommand.self, [id], script)
    #expect(text.output.contains("interrupted  2026-01-31T12:00:00.000Z  3.0s           4  spot notice"))
    let json = try await run(JobCommand.self, [id, "--json"], script)
    #expect(json.output.hasSuffix("\"checkpoint_sequence\":4}]}\n"))
    _ = try RawJSON(parsing: json.output)
  }

  @Test func cancelTriesAllAndEndsWithOneIfOneIsRefused() async throws {
    let ids = (1...3).map { Samples.id($0).description }
    let run = try await run(CancelCommand.self, ids) { request, _ in
      request.target.contains(ids[1])
        ? .problem(Problem(.conflict, "the job is done")) : .json(Samples.job(1, .cancelled))
    }
    #expect((run.failure as? ExitCode)?.rawValue == 1)
    #expect(run.received.count == 3)
    #expect(run.errors == "\(ids[1]): the job is done\n")
  }

  @Test func aBatchIsSentWholeAndItsIdsComeBackInOrder() async throws {
    let captured = try CapturedOutput()
    captured.surroundings.output.write(Array("{\"kind\":\"a\"}\n{\"kind\":\"b\"}\n".utf8))
    let run = try await run(SubmitCommand.self, ["--batch", captured.outputPath]) { _, _ in
      .json(BatchReceipt(ids: [Samples.id(1), Samples.id(2)]), status: 201)
    }
    #expect(run.output == "\(Samples.id(1))\n\(Samples.id(2))\n")
    #expect(run.received.count == 1)
  }

  @Test func logsFollowUntilTheJobIsFinished() async throws {
    let run = try await run(LogsCommand.self, [Samples.id(1).description, "-f"]) { request, number in
      if request.target.hasSuffix("/logs") {
        return .init(type: "text/plain", body: number < 3 ? "one\n" : "one\ntwo\n")
      }
      return .json(Samples.job(1, number < 2 ? .processing : .done, attempt: 1))
    }
    #expect(run.output == "one\ntwo\n" && run.failure == nil)
  }

  @Test func workersAndQueuesAreFollowedOverTheirPages() async throws {
    func worker(_ id: String) -> WorkerSnapshot {
      WorkerSnapshot(
        id: id, registration: .init(), state: .active, leases: 0, lastHeartbeatAt: Samples.now,
        registeredAt: Samples.now, interruption: nil)
    }
    func queue(_ name: String) -> QueueSnapshot {
      QueueSnapshot(name: name, paused: false, counts: StatusCounts(), oldestQueuedSeconds: nil)
    }
    let pages: [String: CoordinatorDouble.Answer] = [
      "/workers": .json(WorkerList(workers: [worker("a-1")], nextCursor: "1.a-1")),
      "/workers?cursor=1.a-1": .json(WorkerList(workers: [worker("b-1")], nextCursor: "1.b-1")),
      "/workers?cursor=1.b-1": .json(WorkerList(workers: [worker("c-1")])),
      "/queues": .json(QueueList(queues: [queue("one")], nextCursor: "one")),
      "/queues?cursor=one": .json(QueueList(queues: [queue("two")])),
    ]
    let workers = try await run(WorkersCommand.self, ["--json"]) { request, _ in pages[request.target]! }
    #expect(try WorkerList(json: Array(workers.output.utf8)).workers.map(\.id) == ["a-1", "b-1", "c-1"])
    let queues = try await run(QueuesCommand.List.self, ["--json"]) { request, _ in pages[request.target]! }
    #expect(try QueueList(json: Array(queues.output.utf8)).queues.map(\.name) == ["one", "two"])
    // A worker of the last page is found, too.
    let drain = try await run(DrainCommand.self, ["c"]) { request, _ in
      request.method == "GET" ? pages[request.target]! : .json("{}")
    }
    #expect(drain.received.last?.target == "/workers/c-1/drain")
  }

  @Test func drainFindsAWorkerByItsName() async throws {
    let worker = WorkerSnapshot(
      id: "worker-1-abc", registration: .init(), state: .active, leases: 0, lastHeartbeatAt: Samples.now,
      registeredAt: Samples.now, interruption: nil)
    let run = try await run(DrainCommand.self, ["worker-1"]) { request, _ in
      request.method == "GET" ? .json(WorkerList(workers: [worker])) : .json("{}")
    }
    #expect(run.received.last?.target == "/workers/worker-1-abc/drain")
    #expect(try DrainCommand.resolve(["worker-1"], among: ["worker-11-x", "worker-1-y"]) == ["worker-1-y"])
    #expect(throws: CommandFailure.self) { try DrainCommand.resolve(["w"], among: ["w-1", "w-2"]) }
  }

  @Test func queuesAndStatsAreShownAsTables() async throws {
    var counts = StatusCounts()
    counts[.queued] = 3
    let list = QueueList(queues: [.init(name: "default", paused: true, counts: counts, oldestQueuedSeconds: 61)])
    let queues = try await run(QueuesCommand.List.self, []) { [list] _, _ in .json(list) }
    #expect(
      queues.output.split(separator: "\n")[1]
        == "default  paused       3           0     0       0          0         1m 1s")
    let stats = try await run(StatsCommand.self, []) { [counts] _, _ in
      .json(Statistics(jobs: counts, workers: [.active: 2]))
    }
    #expect(stats.output.contains("jobs     queued          3\n"))
    #expect(stats.output.contains("workers  active          2\n"))
  }

  @Test(arguments: [
    ("http://h:1", "http://h:1", "/health"), ("http://h:1/", "http://h:1", "/health"),
    ("http://h:1/ready", "http://h:1", "/ready"),
  ])
  func healthAsksForThePathThatIsGiven(_ url: String, _ address: String, _ path: String) {
    #expect(HealthCommand.target(url) == (address, path))
  }
}
