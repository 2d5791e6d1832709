import BatonShared
import BatonTestSupport
import Synchronization
import Testing

@testable import BatonCoordinator

/// Whatever happens, in whatever order and at the same time: what must hold holds, and what was promised is kept.
@Suite(.serialized) struct RandomOperationsTests {
  /// What the tasks were told, against which the database is held at the end.
  private struct Model: Sendable {
    struct Held: Sendable {
      var lease: LeaseID
      var job: JobID
    }

    var jobs: Set<JobID> = []
    /// Leases that some task holds or has held; several may act on the same one, as after a partition.
    var leases: [Held] = []
    var accepted: [LeaseID: SettleOutcome] = [:]
    /// The newest checkpoint answered for each job: its sequence and its only byte.
    var checkpoints: [JobID: (sequence: Int, byte: UInt8)] = [:]
    var contradictions: [String] = []

    mutating func settled(_ lease: LeaseID, _ outcome: SettleOutcome) {
      if let before = accepted[lease], before != outcome {
        contradictions.append("\(lease) was accepted as \(before) and as \(outcome)")
      }
      accepted[lease] = outcome
    }
  }

  private final class SharedModel: Sendable {
    private let state = Mutex(Model())

    func withLock<Value: Sendable>(_ body: (inout sending Model) -> sending Value) -> Value { state.withLock(body) }
  }

  @Test(arguments: [11, 12, 13] as [UInt64])
  func theRulesHoldAfterAnything(seed: UInt64) async throws {
    try await StoreFixture.run(connections: 5) { fixture async throws in
      let model = SharedModel()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for task in 0..<5 {
          group.addTask {
            var random = SeededGenerator(seed: seed &* 1000 &+ UInt64(task))
            for step in 0..<120 {
              try await Self.doSomething(fixture, model, worker: "w-\(task)", &random)
              if step % 40 == 39 {
                let broken = try await fixture.brokenRules()
                #expect(broken == [], "seed \(seed), task \(task), step \(step)")
              }
            }
          }
        }
        try await group.waitForAll()
      }
      let end = model.withLock { $0 }
      #expect(end.contradictions == [])
      #expect(try await fixture.brokenRules() == [])
      #expect(try await fixture.count("select from jobs") == end.jobs.count, "no submitted job is lost")
      for (lease, outcome) in end.accepted {
        let rows = try await fixture.pool.query(
          "select outcome from attempts where lease_id = $1", .uuid(lease.uuid))
        #expect(try rows.first?.text(0) == outcome.rawValue, "what was accepted stands")
      }
      for (job, checkpoint) in end.checkpoints {
        let stored = try #require(try await fixture.store.checkpoint(job: job) ?? nil)
        #expect(stored.sequence >= checkpoint.sequence)
        if stored.sequence == checkpoint.sequence { #expect(stored.bytes == [checkpoint.byte]) }
      }
      try await finishAll(fixture, jobs: end.jobs)
    }
  }

  private static func doSomething(
    _ fixture: StoreFixture, _ model: SharedModel, worker: String, _ random: inout SeededGenerator
  ) async throws {
    let held = model.withLock { model in
      // Mostly a recent one, which is likelier to be in force.
      model.leases.suffix(8).randomElement(using: &random) ?? model.leases.randomElement(using: &random)
    }
    let someJob = model.withLock { $0.jobs.sorted { "\($0)" < "\($1)" }.randomElement(using: &random) }
    switch Int.random(in: 0..<20, using: &random) {
    case 0..<4:
      let jobs = (0..<Int.random(in: 1...4, using: &random)).map { _ in
        fixture.newJob { submission in
          submission.maxAttempts = Int.random(in: 1...3, using: &random)
          submission.maxLosses = Int.random(in: 1...3, using: &random)
          submission.priority = Int.random(in: -1...1, using: &random)
          submission.queue = "q\(Int.random(in: 0...1, using: &random))"
        }
      }
      _ = try await fixture.store.enqueue(jobs)
      model.withLock { $0.jobs.formUnion(jobs.map(\.id)) }
    case 4..<9:
      let queues = Bool.random(using: &random) ? ["q0", "q1"] : ["q1"]
      let leases = try await fixture.lease(Int.random(in: 1...3, using: &random), worker: worker, queues: queues)
      model.withLock { model in
        model.leases += leases.map { .init(lease: $0.grant.leaseID, job: $0.grant.jobID) }
      }
    case 9..<11:
      guard let held else { return }
      _ = try await fixture.store.renew(
        [.init(leaseID: held.lease, progress: .init(fraction: 0.5, message: nil))], ttlSeconds: 30)
    case 11..<13:
      guard let held else { return }
      let byte = UInt8.random(in: 0...255, using: &random)
      if let sequence = try await fixture.store.saveCheckpoint([byte], contentType: "a/b", lease: held.lease) {
        model.withLock { model in
          if sequence > model.checkpoints[held.job]?.sequence ?? 0 { model.checkpoints[held.job] = (sequence, byte) }
        }
      }
    case 13..<16:
      guard let held else { return }
      let outcome = SettleOutcome.allCases.randomElement(using: &random)!
      let settlement = Settlement(
        leaseID: held.lease, outcome: outcome, retryable: Bool.random(using: &random), delaySeconds: 0)
      if try await fixture.settle(settlement) == .accepted { model.withLock { $0.settled(held.lease, outcome) } }
    case 16:
      guard let held else { return }
      try await fixture.expire(held.lease)
    case 17:
      _ = try await fixture.store.reap(limit: 3)
    case 18:
      guard let someJob else { return }
      _ = try await fixture.store.cancel(someJob)
    default:
      guard let someJob else { return }
      _ = try await fixture.store.retry(someJob, discardCheckpoint: false)
    }
  }

  /// Nothing is stuck: with no more faults, every job can be brought to its end.
  private func finishAll(_ fixture: StoreFixture, jobs: Set<JobID>) async throws {
    try await fixture.pool.query("update attempts set expires_at = now() - interval '1 second' where outcome is null")
    while try await fixture.store.reap(limit: 100).lost > 0 {}
    while true {
      let leases = try await fixture.lease(100, queues: ["q0", "q1"])
      if leases.isEmpty { break }
      let outcome = try await fixture.store.settle(
        leases.map { Settlement(leaseID: $0.grant.leaseID, outcome: .done) })
      #expect(outcome.statuses.allSatisfy { $0 == .accepted })
    }
    #expect(try await fixture.count("select from jobs where status in ('queued', 'processing')") == 0)
    #expect(try await fixture.brokenRules() == [])
  }
}
