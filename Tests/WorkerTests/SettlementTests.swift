import BatonJSON
import BatonShared
import Logging
import Testing

@testable import BatonWorker

/// Settlements that go out together.
@Suite struct SettlementTests {
  private static let count = 50

  /// Lets fifty jobs end while the coordinator takes its time over the first reports.
  private func gathered(
    kind: String = "noop", _ body: @escaping @Sendable (CoordinatorDouble, TestWorker, [JobID]) async throws -> Void
  ) async throws {
    try await CoordinatorDouble.run { coordinator in
      coordinator.state.update { $0.holdSettlements = true }
      let jobs = try (0..<Self.count).map { _ in try coordinator.submit(kind, #"{"seconds":0}"#) }
      let worker = try TestWorker(coordinator)
      try await worker.run {
        try await worker.worker.table.state.first { state in
          state.runs.count == Self.count && state.waiting.isEmpty && state.busySlots == 0
        }
        try await body(coordinator, worker, jobs)
      }
    }
  }

  private func counted(_ worker: TestWorker, kind: String = "noop", _ outcome: String, _ count: Int) -> Bool {
    worker.worker.metrics.registry.scrape()
      .contains(#"worker_jobs_total{kind="\#(kind)",outcome="\#(outcome)"} \#(count)"#)
  }

  @Test func whatEndsMeanwhileIsReportedTogetherAndALostOneIsAlone() async throws {
    try await gathered { coordinator, worker, jobs in
      let lost = jobs[Self.count - 1]
      coordinator.takeAway(lost)
      coordinator.state.update { $0.holdSettlements = false }
      try await worker.worker.table.state.first { $0.runs.isEmpty }
      let state = coordinator.state.value
      #expect(Set(state.settlements.map(\.settlement.leaseID)).count == Self.count)
      #expect(Set(state.settlements.filter { $0.status == .lost }.map(\.settlement.leaseID)).count == 1)
      #expect(state.jobs[lost]?.outcome == nil)
      // Two were on their way and one or two took the rest, unless some were sent again: each would be fifty.
      #expect(Set(state.settleRequests).count < Self.count / 2)
      #expect(counted(worker, "done", Self.count - 1))
      #expect(counted(worker, "lost", 1))
    }
  }

  @Test func anAnswerThatIsLostIsAskedForAgainByTheWholeBatch() async throws {
    try await gathered { coordinator, worker, jobs in
      coordinator.state.update { state in
        state.swallowSettleAnswers = 4
        state.holdSettlements = false
      }
      try await worker.worker.table.state.first { $0.runs.isEmpty }
      let state = coordinator.state.value
      #expect(state.settlements.count > Self.count, "some were said twice")
      #expect(state.settlements.allSatisfy { $0.status == .accepted })
      #expect(jobs.allSatisfy { state.jobs[$0]?.outcome?.outcome == .done })
      #expect(counted(worker, "done", Self.count), "each counts once")
    }
  }

  @Test func aResultThatIsRefusedTakesNoOtherWithIt() async throws {
    try await gathered(kind: "sleep") { coordinator, worker, jobs in
      let plain = try coordinator.submit("noop")
      coordinator.state.update { state in
        state.refusesResults = true
        state.holdSettlements = false
      }
      for job in jobs {
        let outcome = try await coordinator.outcome(of: job)
        #expect(outcome.outcome == .failed)
        #expect(outcome.error?.code == "result_refused")
        #expect(!outcome.retryable)
      }
      #expect(try await coordinator.outcome(of: plain).outcome == .done)
    }
  }

  @Test func eachHasADeadlineOfItsOwn() async throws {
    try await CoordinatorDouble.run { coordinator in
      coordinator.state.update { $0.isDown = true }
      try await coordinator.withClient { client, logger in
        let sender = SettlementSender(client: client, roundTrips: RoundTrips(), logger: logger)
        let answers = Watched<[String]>([])
        func entry(_ name: String, _ seconds: Double) -> SettlementSender.Entry {
          SettlementSender.Entry(
            settlement: Settlement(leaseID: LeaseID(), outcome: .done), giveUpAt: .now + .seconds(seconds)
          ) { status in
            answers.update { $0.append("\(name) \(status?.rawValue ?? "given up")") }
          }
        }
        let sending = Task { try await sender.run() }
        sender.add([entry("short", 0.1), entry("long", 60)])
        try await answers.first { !$0.isEmpty }
        #expect(answers.value == ["short given up"])
        coordinator.state.update { $0.isDown = false }
        try await answers.first { $0.count == 2 }
        #expect(answers.value.last == "long lost", "the coordinator has never heard of it")
        sending.cancel()
        try await sending.value
        sender.add([entry("late", 60)])
        #expect(answers.value.last == "late given up")
      }
    }
  }
}
