import BatonJSON
import BatonShared
import BatonTestSupport
import Testing

/// What a coordinator has said yes to. Its database is to hold that, all of it, and nothing else.
struct AcceptedTraffic: Sendable {
  /// How often it answered with which status.
  private(set) var answers: [Int: Int] = [:]
  private(set) var jobs: Set<JobID> = []
  private(set) var leases: Set<LeaseID> = []
  private(set) var workers: Set<String> = []
  private(set) var queues: Set<String> = []
  /// Each that was saved, by its number.
  private(set) var checkpoints: [Int: SpoiltRequests.Request] = [:]
  private(set) var logBytes = 0

  /// How many requests were refused for what they are.
  var refusals: Int { answers.reduce(0) { $0 + ((400..<500).contains($1.key) ? $1.value : 0) } }

  mutating func note(_ answer: RawAnswer, to request: SpoiltRequests.Request) throws {
    answers[answer.status, default: 0] += 1
    guard (200..<300).contains(answer.status), request.method != "GET" else { return }
    let parts = request.path.split(separator: "/")
    switch (parts.first, parts.last) {
    case ("jobs", "batch"): jobs.formUnion(try BatchReceipt(json: answer.body).ids)
    case ("jobs", _): jobs.insert(try JobSnapshot(json: answer.body).id)
    case ("leases", "leases"):
      workers.insert(try LeaseRequest(json: request.body).workerID)
      leases.formUnion(try LeaseGrants(json: answer.body).leases.map(\.leaseID))
    case ("leases", "settle"):
      let reply = try SettleReply(json: answer.body)
      #expect(reply.results.allSatisfy { $0.status == .lost }, "nobody was given such a lease: \(answer.text)")
    case ("leases", "checkpoint"): checkpoints[try CheckpointReceipt(json: answer.body).sequence] = request
    case ("leases", "logs"): logBytes += request.body.count
    case ("workers", _): workers.insert(String(parts[1]))
    case ("queues", _): queues.insert(String(parts[1]))
    default: Issue.record("\(request.method) \(request.path) was answered \(answer.status)")
    }
  }

  mutating func merge(_ other: AcceptedTraffic) {
    answers.merge(other.answers, uniquingKeysWith: +)
    jobs.formUnion(other.jobs)
    leases.formUnion(other.leases)
    workers.formUnion(other.workers)
    queues.formUnion(other.queues)
    checkpoints.merge(other.checkpoints) { first, _ in first }
    logBytes += other.logBytes
  }

  /// Compares it with what a fleet's database holds.
  func expectNothingElse(in fleet: Fleet) async throws {
    func difference<Value: Hashable>(_ held: [Value], _ accepted: Set<Value>, _ what: String) {
      let held = Set(held)
      #expect(
        held == accepted, "\(what): too many \(held.subtracting(accepted)), missing \(accepted.subtracting(held))")
    }
    difference(try await fleet.sql("select id from jobs").map { JobID(try $0.uuid(0)) }, jobs, "jobs")
    difference(try await fleet.sql("select lease_id from attempts").map { LeaseID(try $0.uuid(0)) }, leases, "leases")
    difference(try await fleet.sql("select id from workers").map { try $0.text(0) }, workers, "workers")
    difference(try await fleet.sql("select name from queues").map { try $0.text(0) }, queues, "queues")

    // No lease was settled: each is open, and its job, and no other, is under way.
    #expect(try await fleet.count("select count(*) from attempts where ended_at is null") == leases.count)
    #expect(try await fleet.count("select count(*) from jobs where status = 'processing'") == leases.count)
    #expect(try await fleet.count("select count(*) from jobs where status = 'queued'") == jobs.count - leases.count)
    let strays = """
      select (select count(*) from attempts left join jobs on id = job_id where status is distinct from 'processing')
        + (select count(*) from idempotency_keys left join jobs on id = job_id where id is null)
      """
    #expect(try await fleet.count(strays) == 0, "attempts and keys of jobs that are not there")

    // The newest is there, and whole.
    let saved = try await fleet.sql("select sequence, data from checkpoints").map { (try $0.int(0), try $0.bytes(1)) }
    #expect(saved.map(\.0) == (checkpoints.isEmpty ? [] : [checkpoints.count]))
    #expect(saved.allSatisfy { checkpoints[$0.0]?.carries($0.1) ?? false }, "\(saved)")
    #expect(try await fleet.count("select coalesce(sum(octet_length(body)), 0) from job_logs") == logBytes)
  }
}

extension SpoiltRequests.Request {
  /// Whether these bytes are its body; where it is not known where that ends, whether they are in it.
  fileprivate func carries(_ content: [UInt8]) -> Bool {
    isFramed ? body == content : bytes.indices.contains { bytes[$0...].starts(with: content) }
  }
}
