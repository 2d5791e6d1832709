import BatonClient
import BatonLocalPostgres
import BatonShared
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Keeps so many jobs waiting that the workers always have something to do, whatever happens.
final class StreamLoad: Sendable {
  let plan: StreamPlan
  /// How many jobs to have accepted; nil until it is told to stop.
  let total: Int?
  /// How many jobs may be accepted and not done.
  let backlog: Int
  let recorder: StreamRecorder
  /// How many submissions may be under way at once.
  private static let submitters = 4
  /// How long submissions that have no answer yet go on after the end, in seconds.
  private static let patience = 60.0

  private struct State {
    var nextOrder = 0
    /// Jobs of submissions that have been or are being made.
    var ordered = 0
    var stoppedAt: ContinuousClock.Instant?
    /// What the database said of the backlog, and how many had been accepted and done then, for all that is known here.
    var known = (open: 0, accepted: 0, done: 0)
  }

  private let state = Mutex(State())

  init(plan: StreamPlan, total: Int?, backlog: Int, recorder: StreamRecorder) {
    self.plan = plan
    self.total = total
    self.backlog = backlog
    self.recorder = recorder
  }

  func stop() { state.withLock { $0.stoppedAt = $0.stoppedAt ?? .now } }

  private var isStopped: Bool { state.withLock { $0.stoppedAt != nil } }

  private var isGivenUp: Bool {
    state.withLock { $0.stoppedAt.map { $0 + .seconds(Self.patience) < .now } ?? false }
  }

  /// Jobs that are queued or run, as far as is known: what workers say of their end may be lost with them, so the database
  /// is asked now and then.
  var open: Int {
    let counts = recorder.counts
    return state.withLock { $0.known.open + counts.accepted - $0.known.accepted - (counts.done - $0.known.done) }
  }

  /// Submits until there are as many as there are to be, or it is told to stop; returns when every submission has been
  /// answered, or it is no use to try on.
  func submit(to clients: [BatonClient], watching database: LocalPostgres) async {
    let isServed = Occurrence<Void>()
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        while await isServed.wait(seconds: 2) == nil, !Task.isCancelled { await self.lookUp(database) }
      }
      await withTaskGroup(of: Void.self) { submitters in
        for number in 0..<Self.submitters {
          submitters.addTask { await self.submit(to: clients, beginningWith: number) }
        }
      }
      isServed.happen()
    }
  }

  private func lookUp(_ database: LocalPostgres) async {
    let counts = recorder.counts
    // Shield: a program whose task is cancelled while it starts may bring this one down with it (swift-subprocess 1.0.2).
    let looking = Task { try? await Self.open(database) }
    guard let open = await looking.value else { return }
    state.withLock { $0.known = (open, counts.accepted, counts.done) }
  }

  private func submit(to clients: [BatonClient], beginningWith number: Int) async {
    var turn = number
    while !Task.isCancelled, !isStopped {
      guard open < backlog else {
        // Nothing tells when a worker has done something.
        try? await Task.sleep(for: .milliseconds(20))
        continue
      }
      guard let order = nextOrder() else { return }
      while !isGivenUp, !Task.isCancelled {
        turn += 1
        do {
          recorder.record(.accepted(try await send(order, to: clients[turn % clients.count])))
          break
        } catch {
          // A single job has a key, so the same again is safe. A batch that was not answered may have been accepted or
          // not: what it made then has no receipt, and is worked like any other. The other coordinator may know better.
          try? await Task.sleep(for: .milliseconds(100))
        }
      }
    }
  }

  private func nextOrder() -> StreamPlan.Order? {
    let (index, count) = state.withLock { state in
      let index = state.nextOrder
      let count = plan.count(index, atMost: total.map { $0 - state.ordered } ?? .max)
      state.nextOrder += 1
      state.ordered += count
      return (index, count)
    }
    return count > 0 ? plan.order(index, count: count) : nil
  }

  private func send(_ order: StreamPlan.Order, to client: BatonClient) async throws -> [JobID] {
    switch order {
    case .batch(let jobs): try await client.send(.submit(jobs)).ids
    case .single(let job, let key): [try await client.send(.submit(job, idempotencyKey: key)).id]
    }
  }

  // MARK: The end

  /// Waits until no job is queued or runs.
  /// - Returns: How many are left when the time is up.
  func drain(_ database: LocalPostgres, seconds: Double) async throws -> Int {
    let end = ContinuousClock.now + .seconds(seconds)
    while true {
      let open = try await Self.open(database)
      if open == 0 || ContinuousClock.now > end { return open }
      try await Task.sleep(for: .milliseconds(250))
    }
  }

  /// Indices know, however many jobs are done.
  private static func open(_ database: LocalPostgres) async throws -> Int {
    let text = try await database.run(
      """
      select (select count(*) from jobs where status = 'queued' and not scheduled)
        + (select count(*) from jobs where status = 'queued' and scheduled)
        + (select count(*) from attempts where outcome is null)
      """, database: "baton")
    return Int(text.filter(\.isNumber)) ?? 0
  }

  /// Writes down what the database says of every job.
  /// - Parameter folder: For what passes through.
  func collect(_ database: LocalPostgres, folder: String) async throws {
    let path = folder + "/jobs.txt"
    try await database.run(
      """
      \\o '\(path)'
      copy (
        select jobs.id, status, coalesce(had.attempts, 0), coalesce(had.open, 0), coalesce(had.done, '-')
        from jobs left join (
          select job_id, count(*) as attempts, count(*) filter (where outcome is null) as open,
            string_agg(attempt::text, ',') filter (where outcome = 'done') as done
          from attempts group by job_id
        ) as had on had.job_id = jobs.id
      ) to stdout;
      \\o
      """, database: "baton")
    try StreamHistory.forEachLine(path: path) { line in
      let words = String(decoding: line, as: UTF8.self).split(separator: "\t")
      guard words.count == 5, let id = JobID(String(words[0])), let attempts = Int(words[2]), let open = Int(words[3])
      else { throw DrillFailure("the database's word of a job cannot be read") }
      recorder.record(
        .ending(
          StreamEnding(
            id: id, status: String(words[1]), attempts: attempts, open: open,
            done: words[4] == "-" ? [] : words[4].split(separator: ",").compactMap { Int($0) })))
    }
    try? FileManager.default.removeItem(atPath: path)
    let outcomes = try await database.run(
      "select coalesce(outcome, 'open'), count(*) from attempts group by 1", database: "baton")
    for row in outcomes.split(separator: "\n") {
      let words = row.split(separator: "\t")
      if words.count == 2, let count = Int(words[1]) {
        recorder.record(.attempts(outcome: String(words[0]), count: count))
      }
    }
    recorder.flush()
  }
}
