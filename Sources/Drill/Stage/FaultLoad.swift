import BatonClient
import BatonLocalPostgres
import BatonShared
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The jobs of a fault drill: many that take about 0.8 s, and some programs that would be seen working twice at a time. A
/// third of them saves a checkpoint every two or three steps.
///
/// They are much alike in what they take, so that a steady load is done at a steady rate: a rate that is 5 % lower
/// than it was is seen within some seconds. Those that are to end otherwise come on top of them, and are no part of it.
struct FaultJobPlan: Sendable {
  /// How often a job is submitted with its key.
  enum Repetition: Sendable, Equatable {
    case none
    /// Through both coordinators at the same time.
    case atOnce
    /// Through the other coordinator, when the first has answered.
    case later
  }

  /// The numbers of the jobs that are to end otherwise begin here.
  static let firstOther = 1_000_000

  let seed: UInt64

  func job(_ index: Int) -> DrillJob {
    if index >= Self.firstOther { return other(index) }
    var numbers = SeededNumbers(seed: seed, "short job", index)
    let (kind, steps) = numbers.pick([
      (94, (DrillJob.Kind.steps, 6.0...10.0)), (5, (.exec, 4.0...8.0)), (1, (.exec, 20.0...40.0)),
    ])
    var others = SeededNumbers(seed: seed, "checkpoint interval", index)
    return DrillJob(
      index: index, kind: kind, steps: Int(numbers.uniform(steps).rounded()), stepSeconds: 0.1,
      checkpointEvery: others.pick([(4, 10), (1, 2), (1, 3)]), behaviour: .auto)
  }

  /// The number of the job that is to end otherwise and comes with this one, if one does.
  func other(with index: Int) -> Int? {
    var numbers = SeededNumbers(seed: seed, "other job", index)
    return numbers.unit() < 0.05 ? Self.firstOther + index : nil
  }

  private func other(_ index: Int) -> DrillJob {
    var numbers = SeededNumbers(seed: seed, "fate", index)
    let fate = numbers.pick([(1, DrillJob.Fate.failsOnce), (1, .fails), (1, .cancelled)])
    // What is cancelled would take so long that it is never done by chance.
    return DrillJob(
      index: index, kind: fate == .failsOnce ? .exec : .steps, steps: fate == .cancelled ? 300 : 6, stepSeconds: 0.1,
      checkpointEvery: fate == .cancelled ? 10 : 2, behaviour: .auto, fate: fate)
  }

  /// How long after its submission a job is cancelled that is to be, in seconds.
  func cancelDelay(_ index: Int) -> Double {
    var numbers = SeededNumbers(seed: seed, "cancellation", index)
    return numbers.pick([(1, 0.0), (2, numbers.uniform(0...1.5))])
  }

  /// After how many seconds each a client asks how a job stands; never for most. Of those that are to end otherwise it
  /// asks always, and for longer.
  func reads(_ index: Int) -> [Double] {
    var numbers = SeededNumbers(seed: seed, "reads", index)
    if index >= Self.firstOther { return (0..<5).map { _ in numbers.uniform(0...1.5) } }
    guard numbers.unit() < 0.1 else { return [] }
    return (0..<5).map { _ in numbers.uniform(0...0.6) }
  }

  func repetition(_ index: Int) -> Repetition {
    var numbers = SeededNumbers(seed: seed, "repetition", index)
    return numbers.pick([(90, Repetition.none), (5, .atOnce), (5, .later)])
  }
}

/// Submits jobs at a steady rate, whatever happens, and each until it is answered.
final class FaultLoad: Sendable {
  let plan: FaultJobPlan
  /// Jobs in a second.
  let rate: Double
  let fleet: DrillFleet
  let recorder: HistoryRecorder
  /// How long submissions that have no answer yet go on after the last, in seconds.
  static let patience = 60.0

  private struct State {
    var isPaused = false
    var stoppedAt: ContinuousClock.Instant?
    /// Submissions that are under way.
    var unanswered = 0
    /// The id that each job was accepted with first.
    var ids: [Int: JobID] = [:]
  }

  private let state = Mutex(State())

  init(plan: FaultJobPlan, rate: Double, fleet: DrillFleet, recorder: HistoryRecorder) {
    self.plan = plan
    self.rate = rate
    self.fleet = fleet
    self.recorder = recorder
  }

  func stop() { state.withLock { $0.stoppedAt = .now } }

  private var isGivenUp: Bool {
    state.withLock { $0.stoppedAt.map { $0 + .seconds(Self.patience) < .now } ?? false }
  }

  func record(of job: Int) -> String { "\(fleet.folder)/records/\(job).txt" }

  /// Submits until it is told to stop; returns when every submission has been answered, or it is no
  /// use to try on.
  /// - Parameter coordinators: Their names and the ways to them.
  func submit(to coordinators: [(name: String, client: BatonClient)]) async {
    await withDiscardingTaskGroup { group in
      var index = 0
      var due = ContinuousClock.now
      while state.withLock({ $0.stoppedAt }) == nil, !Task.isCancelled {
        if state.withLock({ $0.isPaused }) {
          try? await Task.sleep(for: .milliseconds(20))
          due = .now
          continue
        }
        let job = plan.job(index)
        state.withLock { $0.unanswered += 1 }
        group.addTask {
          await self.submit(job, to: coordinators)
          self.state.withLock { $0.unanswered -= 1 }
          await self.read(job, from: coordinators)
        }
        if let other = plan.other(with: index) {
          let job = plan.job(other)
          group.addTask {
            await self.submit(job, to: coordinators)
            if job.fate == .cancelled { await self.cancel(job, at: coordinators) }
            await self.read(job, from: coordinators)
          }
        }
        index += 1
        due += .seconds(1 / rate)
        try? await Task.sleep(until: due, clock: .continuous)
      }
    }
  }

  /// Submits a job, some of them twice with the same key.
  private func submit(_ job: DrillJob, to coordinators: [(name: String, client: BatonClient)]) async {
    let first = job.index
    switch plan.repetition(job.index) {
    case .none: await submit(job, to: coordinators, beginningWith: first)
    case .atOnce:
      async let one: Void = submit(job, to: coordinators, beginningWith: first)
      async let other: Void = submit(job, to: coordinators, beginningWith: first + 1)
      _ = await (one, other)
    case .later:
      await submit(job, to: coordinators, beginningWith: first)
      await submit(job, to: coordinators, beginningWith: first + 1)
    }
  }

  private func submit(
    _ job: DrillJob, to coordinators: [(name: String, client: BatonClient)], beginningWith first: Int
  ) async {
    let submission = job.submission(program: fleet.programs.step, record: record(of: job.index))
    let request = APIRequest.submit(submission, idempotencyKey: "drill-\(job.index)")
    var turn = first
    var failure = "it was not tried"
    var pause = 0.2
    while !isGivenUp, !Task.isCancelled {
      let coordinator = coordinators[turn % coordinators.count]
      turn += 1
      let sentAt = recorder.now
      do {
        let id = try await ask(for: .submission, request, at: coordinator).id
        let isFirst = state.withLock { state in
          defer { state.ids[job.index] = state.ids[job.index] ?? id }
          return state.ids[job.index] == nil
        }
        if isFirst { recorder.record(.accepted(job, id: "\(id)")) }
        return recorder.record(.receipt(job: job.index, id: "\(id)", from: coordinator.name, sentAt: sentAt))
      } catch {
        failure = "\(coordinator.name): \(error)"
        // Whatever it was, the same again is safe: the key tells that it is the same. The other coordinator may know.
        try? await Task.sleep(for: .seconds(pause))
        pause = min(1, pause * 2)
      }
    }
    recorder.record(.givenUp(job: job.index, reason: failure))
  }

  /// Asks once, and writes it down if it is refused.
  private func ask<Answer: Sendable>(
    for act: ClientAct, _ request: APIRequest<Answer>, at coordinator: (name: String, client: BatonClient)
  ) async throws -> Answer {
    var request = request
    request.repetition = .once
    let sentAt = recorder.now
    do {
      return try await coordinator.client.send(request)
    } catch let problem as Problem {
      // That there is no such job, or that it has ended, is an answer.
      if problem.status != 404, problem.status != 409 {
        recorder.record(
          .refused(
            act, status: problem.status, from: coordinator.name, saysWhen: problem.retryAfter != nil, sentAt: sentAt))
      }
      throw problem
    }
  }

  /// Asks how a job stands, the coordinators in turn. What is not answered is not asked again.
  private func read(_ job: DrillJob, from coordinators: [(name: String, client: BatonClient)]) async {
    guard let id = state.withLock({ $0.ids[job.index] }) else { return }
    for (turn, delay) in plan.reads(job.index).enumerated() {
      try? await Task.sleep(for: .seconds(delay))
      if isGivenUp || Task.isCancelled { return }
      let coordinator = coordinators[turn % coordinators.count]
      let sentAt = recorder.now
      var answer: (status: String, attempt: Int)?
      do {
        let snapshot = try await ask(for: .reading, .job(id), at: coordinator)
        answer = (snapshot.status.rawValue, snapshot.attempt)
      } catch let problem as Problem where problem.status == 404 {
        answer = ("unknown", 0)
      } catch {}
      if let answer {
        recorder.record(
          .read(
            job: job.index, status: answer.status, attempt: answer.attempt, from: coordinator.name, sentAt: sentAt))
      }
    }
  }

  /// Cancels a job; tries until it is answered.
  private func cancel(_ job: DrillJob, at coordinators: [(name: String, client: BatonClient)]) async {
    guard let id = state.withLock({ $0.ids[job.index] }) else { return }
    try? await Task.sleep(for: .seconds(plan.cancelDelay(job.index)))
    var turn = job.index
    while !isGivenUp, !Task.isCancelled {
      do {
        let answer = try await ask(for: .cancellation, .cancel(id), at: coordinators[turn % coordinators.count]).status
        return recorder.record(.cancelAnswered(job: job.index, answer: answer.rawValue))
      } catch let problem as Problem where problem.status == 409 {
        // It has ended; of this very request, where its first answer was lost.
        return recorder.record(.cancelAnswered(job: job.index, answer: "conflict"))
      } catch {
        turn += 1
        try? await Task.sleep(for: .milliseconds(200))
      }
    }
  }

  /// Waits until what has gathered is worked off, while nothing new is submitted; and until the load is steady again.
  /// - Returns: Whether it was worked off.
  func settle(_ database: LocalPostgres, seconds: Double) async throws -> Bool {
    if await isSettled(database, unanswered: Int(rate / 4)) { return true }
    state.withLock { $0.isPaused = true }
    defer { state.withLock { $0.isPaused = false } }
    let end = ContinuousClock.now + .seconds(seconds)
    var isSettled = false
    while !isSettled, ContinuousClock.now < end {
      try await Task.sleep(for: .milliseconds(200))
      isSettled = await self.isSettled(database, unanswered: 0)
    }
    state.withLock { $0.isPaused = false }
    try await Task.sleep(for: .seconds(2))
    return isSettled
  }

  private func isSettled(_ database: LocalPostgres, unanswered: Int) async -> Bool {
    guard state.withLock({ $0.unanswered }) <= unanswered else { return false }
    let waiting = try? await database.run(
      "select count(*) from jobs where status = 'queued' and not scheduled", database: "baton")
    return waiting.flatMap { Int($0.filter(\.isNumber)) } == 0
  }

  /// Waits until no job is queued or runs.
  func drain(_ database: LocalPostgres, seconds: Double) async throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < end {
      let open = try await database.run(
        "select count(*) from jobs where status in ('queued', 'processing')", database: "baton")
      if Int(open.filter(\.isNumber)) == 0 { return }
      try await Task.sleep(for: .milliseconds(500))
    }
  }

  /// Writes down what the database and the programs' own records say of the jobs.
  func collect(_ database: LocalPostgres) async throws {
    let origin = recorder.origin
    var statuses: [String: String] = [:]
    for row in try await rows("select id, status from jobs", database) { statuses[row[0]] = row[1] }
    var attempts: [String: [JobEnding.Attempt]] = [:]
    let query = """
      select job_id, attempt, worker_id, coalesce(outcome, ''), extract(epoch from started_at),
        coalesce(extract(epoch from ended_at), 0)
      from attempts order by job_id, attempt
      """
    for row in try await rows(query, database) where row.count == 6 {
      let end = Double(row[5]) ?? 0
      attempts[row[0], default: []].append(
        JobEnding.Attempt(
          number: Int(row[1]) ?? 0, worker: row[2], outcome: row[3].isEmpty ? nil : row[3], reason: nil,
          startedAt: (Double(row[4]) ?? 0) - origin, endedAt: end > 0 ? end - origin : nil))
    }
    recorder.record(.counted(jobs: statuses.count))
    let logs = try await logs(database)
    for (index, id) in state.withLock({ $0.ids }).sorted(by: { $0.key < $1.key }) {
      let job = plan.job(index)
      let ending = JobEnding(
        job: job.index, id: "\(id)", status: statuses["\(id)"] ?? "unknown", error: nil,
        attempts: attempts["\(id)"] ?? [])
      recorder.record(.ending(ending))
      guard job.kind == .exec else {
        guard let logs = logs["\(id)"] else { continue }
        for attempt in ending.attempts {
          let run = StepsLog.run(in: logs[attempt.number] ?? "", job: job, attempt: attempt)
          recorder.record(.run(run))
        }
        continue
      }
      let text = (try? String(contentsOfFile: record(of: job.index), encoding: .utf8)) ?? ""
      for run in StepRecord.runs(in: text, job: job.index, origin: origin) { recorder.record(.run(run)) }
    }
  }

  /// What the attempts at jobs logged that had more than one, by the job's id and the attempt's number.
  private func logs(_ database: LocalPostgres) async throws -> [String: [Int: String]] {
    let query = """
      select job_id, attempt, translate(body, E'\\n\\t', E'\\x01 ') from job_logs
      where job_id in (select job_id from attempts where attempt > 1) order by job_id, chunk
      """
    var logs: [String: [Int: String]] = [:]
    for row in try await rows(query, database) where row.count == 3 {
      logs[row[0], default: [:]][Int(row[1]) ?? 0, default: ""] += row[2].replacing("\u{1}", with: "\n")
    }
    return logs
  }

  private func rows(_ query: String, _ database: LocalPostgres) async throws -> [[String]] {
    try await database.run(query, database: "baton").split(separator: "\n").map { line in
      line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
  }
}
