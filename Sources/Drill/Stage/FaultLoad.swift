import BatonClient
import BatonLocalPostgres
import BatonShared
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The jobs of a fault drill: many short ones, and some programs that would be seen working twice at a time.
struct FaultJobPlan: Sendable {
  let seed: UInt64

  func job(_ index: Int) -> DrillJob {
    var numbers = SeededNumbers(seed: seed, "short job", index)
    let (kind, steps) = numbers.pick([
      (88, (DrillJob.Kind.steps, 1.0...4.0)), (10, (.exec, 2.0...6.0)), (2, (.exec, 40.0...80.0)),
    ])
    return DrillJob(
      index: index, kind: kind, steps: Int(numbers.uniform(steps).rounded()), stepSeconds: 0.1, checkpointEvery: 10,
      behaviour: .auto)
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

  private let stoppedAt = Mutex<ContinuousClock.Instant?>(nil)
  private let submitted = Mutex<[(job: DrillJob, id: JobID)]>([])

  init(plan: FaultJobPlan, rate: Double, fleet: DrillFleet, recorder: HistoryRecorder) {
    self.plan = plan
    self.rate = rate
    self.fleet = fleet
    self.recorder = recorder
  }

  /// How many submissions were answered with success.
  var acceptedCount: Int { submitted.withLock { $0.count } }

  func stop() { stoppedAt.withLock { $0 = .now } }

  private var isGivenUp: Bool { stoppedAt.withLock { $0.map { $0 + .seconds(Self.patience) < .now } ?? false } }

  func record(of job: Int) -> String { "\(fleet.folder)/records/\(job).txt" }

  /// Submits until it is told to stop; returns when every submission has been answered, or it is no
  /// use to try on.
  func submit(to clients: [BatonClient]) async {
    await withDiscardingTaskGroup { group in
      var index = 0
      let start = ContinuousClock.now
      while stoppedAt.withLock({ $0 }) == nil, !Task.isCancelled {
        let number = index
        group.addTask { await self.submit(number, to: clients) }
        index += 1
        try? await Task.sleep(until: start + .seconds(Double(index) / rate), clock: .continuous)
      }
    }
  }

  private func submit(_ index: Int, to clients: [BatonClient]) async {
    let job = plan.job(index)
    let submission = job.submission(program: fleet.programs.step, record: record(of: index))
    var turn = index
    while !isGivenUp, !Task.isCancelled {
      turn += 1
      do {
        let request = APIRequest.submit(submission, idempotencyKey: "drill-\(index)")
        let id = try await clients[turn % clients.count].send(request).id
        recorder.record(.accepted(job, id: "\(id)"))
        submitted.withLock { $0.append((job, id)) }
        return
      } catch {
        // Whatever it was, the same again is safe: the key tells that it is the same. The other coordinator may know.
        try? await Task.sleep(for: .milliseconds(200))
      }
    }
  }

  /// Waits until little more is accepted than is done: what gathered in a fault has been worked off.
  func awaitBalance(seconds: Double) async {
    let end = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < end, !Task.isCancelled {
      let done = recorder.entries.reduce(into: Set<String>()) { done, entry in
        if case .told(_, let job, _, "done") = entry.event { done.insert(job) }
      }
      if Double(acceptedCount - done.count) < rate * 2 { return }
      try? await Task.sleep(for: .milliseconds(500))
    }
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
    for (job, id) in submitted.withLock({ $0 }) {
      let ending = JobEnding(
        job: job.index, id: "\(id)", status: statuses["\(id)"] ?? "unknown", error: nil,
        attempts: attempts["\(id)"] ?? [])
      recorder.record(.ending(ending))
      guard job.kind == .exec else { continue }
      let text = (try? String(contentsOfFile: record(of: job.index), encoding: .utf8)) ?? ""
      for run in StepRecord.runs(in: text, job: job.index, origin: origin) { recorder.record(.run(run)) }
    }
  }

  private func rows(_ query: String, _ database: LocalPostgres) async throws -> [[String]] {
    try await database.run(query, database: "baton").split(separator: "\n").map { line in
      line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
  }
}
