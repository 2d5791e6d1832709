import BatonJSON
import BatonShared
import NIOCore
import NIOPosix

/// From the submission of a job to its start, with workers that wait: at a steady rate, far from any limit.
///
/// Submissions go out by the clock and not when the last one was answered, and each is timed from the moment it was due,
/// so a coordinator that stalls cannot hide it. The workers' side of the protocol is spoken by the benchmark.
struct StartLatency: Sendable {
  let target: WireTarget
  let queue: String
  /// Submissions a second.
  let rate: Double
  let seconds: Double
  let workers: Int

  struct Outcome: Sendable {
    /// Milliseconds from the moment a submission was due to the moment a worker had read its lease.
    var submitToStart: [Double] = []
    /// Milliseconds from the moment a submission was due to its answer.
    var submitToAnswer: [Double] = []
  }

  func run() async throws -> Outcome {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let jobs = Int(rate * seconds)
    // As many submitters as can be under way at once when something takes a second.
    let submitters = max(8, Int(rate))
    return try await LoadGenerator.with(submitters + workers, to: target, clock: CPUClock(), on: loop) { generator in
      let connections = generator.connections
      return try await loop.flatSubmit {
        let measurement = LatencyMeasurement(
          submitters: Array(connections[..<submitters]), workers: Array(connections[submitters...]), jobs: jobs,
          interval: .nanoseconds(Int64(1e9 / rate)), queue: queue, loop: loop)
        measurement.begin()
        return measurement.done.futureResult
      }.get()
    }
  }
}

/// The state of such a measurement; lives on one event loop.
private final class LatencyMeasurement {
  let done: EventLoopPromise<StartLatency.Outcome>
  private let loop: any EventLoop
  private var idle: [WireConnection]
  private let workers: [WireConnection]
  private let jobs: Int
  private let interval: TimeAmount
  private let queue: String
  private var due: [ContinuousClock.Instant] = []
  private var outcome = StartLatency.Outcome()
  private var began = ContinuousClock.now
  private var isOver = false

  init(
    submitters: [WireConnection], workers: [WireConnection], jobs: Int, interval: TimeAmount, queue: String,
    loop: any EventLoop
  ) {
    self.idle = submitters
    self.workers = workers
    self.jobs = jobs
    self.interval = interval
    self.queue = queue
    self.loop = loop
    done = loop.makePromise()
  }

  func begin() {
    for (number, worker) in workers.enumerated() { lease(worker, "\(queue)-\(number)") }
    // The workers' requests are to wait already when the first job comes.
    schedule(0, at: .now() + .milliseconds(500))
    let limit = TimeAmount.nanoseconds(interval.nanoseconds * Int64(jobs)) + .seconds(60)
    loop.assumeIsolated().scheduleTask(in: limit) {
      self.fail(BenchError("\(self.jobs - self.outcome.submitToStart.count) jobs were never leased"))
    }
  }

  private func schedule(_ number: Int, at time: NIODeadline) {
    guard number < jobs, !isOver else { return }
    loop.assumeIsolated().scheduleTask(deadline: time) {
      // The timer itself may be late; what counts is when it was to be.
      let late = NIODeadline.now() - time
      self.due.append(.now - .nanoseconds(late.nanoseconds))
      self.submit(number)
      self.schedule(number + 1, at: time + self.interval)
    }
  }

  private func submit(_ number: Int) {
    guard let connection = idle.popLast() else {
      return fail(BenchError("the coordinator is far behind: every connection has a submission under way"))
    }
    var payload = JSONWriter()
    payload.object { $0.field("n", number) }
    let job = JobSubmission(kind: "noop", payload: RawJSON(trusted: payload.bytes), queue: queue)
    let begin = due[number]
    connection.send(connection.target.request("POST", "/jobs", body: job.json)) { result in
      self.attempt {
        let reply = try result.get()
        try reply.expect(201, "a submission")
        self.outcome.submitToAnswer.append((reply.receivedAt - begin).milliseconds)
        self.idle.append(connection)
      }
    }
  }

  private func lease(_ connection: WireConnection, _ worker: String) {
    guard !isOver else { return }
    let request = LeaseRequest(workerID: worker, max: 1, queues: [queue], waitSeconds: 10)
    connection.send(connection.target.request("POST", "/leases", body: request.json)) { result in
      self.attempt {
        let reply = try result.get()
        try reply.expect(200, "a request for leases")
        let grants = try LeaseGrants(json: Array(buffer: reply.body)).leases
        guard let grant = grants.first else { return self.lease(connection, worker) }
        var reader = try JSONReader(grant.payload.bytes)
        var number = 0
        try reader.object { _, reader throws(JSONError) in number = try reader.int() }
        self.outcome.submitToStart.append((reply.receivedAt - self.due[number]).milliseconds)
        self.settle(grant.leaseID, connection, worker)
      }
    }
  }

  private func settle(_ lease: LeaseID, _ connection: WireConnection, _ worker: String) {
    let request = SettleRequest(results: [Settlement(leaseID: lease, outcome: .done)])
    connection.send(connection.target.request("POST", "/leases/settle", body: request.json)) { result in
      self.attempt {
        try SettleScript.check(try result.get(), 1)
        if self.outcome.submitToStart.count == self.jobs, !self.isOver {
          self.isOver = true
          self.done.succeed(self.outcome)
        } else {
          self.lease(connection, worker)
        }
      }
    }
  }

  private func attempt(_ work: () throws -> Void) {
    do { try work() } catch { fail(error) }
  }

  private func fail(_ error: any Error) {
    guard !isOver else { return }
    isOver = true
    done.fail(error)
  }
}
