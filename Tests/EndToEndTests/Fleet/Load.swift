import BatonClient
import BatonShared
import BatonTestSupport
import Synchronization
import Testing

/// Many jobs, submitted whatever happens to the coordinators meanwhile.
final class Load: Sendable {
  let fleet: Fleet
  let coordinators: [RunningProcess]
  let job: JobSubmission
  private let accepted = Mutex<[JobID]>([])

  init(fleet: Fleet, coordinators: [RunningProcess], job: JobSubmission) {
    self.fleet = fleet
    self.coordinators = coordinators
    self.job = job
  }

  /// The jobs whose submission was answered with success.
  var submitted: [JobID] { accepted.withLock { $0 } }

  /// Submits `count` jobs from several clients at once, each with a key of its own, again until it is answered.
  func submit(_ count: Int, clients: Int) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for client in 0..<clients {
        group.addTask {
          for number in stride(from: client, to: count, by: clients) { try await self.submit(number) }
        }
      }
      try await group.waitForAll()
    }
  }

  private func submit(_ number: Int) async throws {
    var turn = number
    try await eventually("the submission of job \(number)") {
      turn += 1
      let coordinator = coordinators[turn % coordinators.count]
      do {
        let id = try await fleet.submit(job, to: coordinator, key: "load-\(number)")
        accepted.withLock { $0.append(id) }
        return true
      } catch let problem as Problem where problem.status < 500 {
        throw problem
      } catch {
        return false
      }
    }
  }

  /// Waits until no job is queued or runs.
  func awaitDone(at coordinator: RunningProcess, within limit: Duration = .seconds(60)) async throws {
    let expected = submitted.count
    var seen: StatusCounts?
    do {
      try await eventually(within: limit, "the end of the load") {
        seen = try? await send(.statistics(), to: coordinator.address).jobs
        return seen.map { $0[.done] >= expected && $0[.queued] == 0 && $0[.processing] == 0 } ?? false
      }
    } catch let late as TooLate {
      throw StoryFailure("\(late.description): \(seen.map { String(decoding: $0.json, as: UTF8.self) } ?? "?")")
    }
  }

  /// Checks in the database that every job that was answered for is there, and done by exactly one attempt.
  func expectOneOutcomeEach() async throws {
    let rows = try await fleet.sql(
      """
      select count(*), count(*) filter (where status = 'done' and dones = 1)
      from unnest($1::uuid[]) as wanted(id) left join (
        select j.id, j.status, count(a.*) filter (where a.outcome = 'done') as dones
        from jobs j left join attempts a on a.job_id = j.id group by j.id
      ) as found using (id)
      """, .uuidArray(submitted.map(\.uuid)))
    let row = try #require(rows.first)
    #expect(try row.int(0) == submitted.count)
    #expect(try row.int(1) == submitted.count)
    #expect(try await fleet.count("select count(*) from attempts where outcome is null") == 0)
  }
}
