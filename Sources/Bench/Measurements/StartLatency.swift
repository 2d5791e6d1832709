import BatonJSON
import BatonShared
import NIOCore
import NIOPosix

/// From the submission of a job to its start, with workers that wait: at a steady rate.
///
/// Submissions go out by the clock and each is timed from the moment it was due. The workers' side of the protocol is
/// spoken by the benchmark.
struct StartLatency: Sendable {
  /// How long after the last submission jobs may still be started.
  private static let patience = TimeAmount.seconds(30)

  let target: WireTarget
  let queue: String
  /// Submissions a second.
  let rate: Double
  let seconds: Double
  let workers: Int
  var clock = CPUClock()
  /// The run is told in pieces of so many seconds, of which a whole number fits into it; all of it is one if nil.
  var windowSeconds: Double?
  /// Told of each piece when the next one begins; called on the event loop.
  var progress: @Sendable (_ number: Int, Window) -> Void = { _, _ in }

  /// What happened within a piece of the time.
  struct Window: Sendable {
    /// Milliseconds from the moment a submission was due to the moment a worker had read its lease; a sample a job that
    /// was started in this time.
    var submitToStart: [Double] = []
    /// Milliseconds from the moment a submission was due to its answer.
    var submitToAnswer: [Double] = []
  }

  struct Outcome: Sendable {
    /// Of as many seconds each as was asked.
    var windows: [Window]
    var windowSeconds: Double
    /// What came when the time was over already.
    var late = Window()
    /// Jobs that were submitted and not started, long after the time was over.
    var neverStarted = 0
    var cpu = CPUTimes()

    var submitToStart: [Double] { (windows + [late]).flatMap(\.submitToStart) }
    var submitToAnswer: [Double] { (windows + [late]).flatMap(\.submitToAnswer) }
    /// Adds what came of a later run with windows of the same length.
    mutating func append(_ other: Outcome) {
      windows += other.windows
      late.submitToStart += other.late.submitToStart
      late.submitToAnswer += other.late.submitToAnswer
      neverStarted += other.neverStarted
      cpu = cpu + other.cpu
    }

    /// Jobs started a second, by window.
    var rates: [Double] { windows.map { Double($0.submitToStart.count) / windowSeconds } }
  }

  /// - Throws: `BenchError` where a job is never started, or a request not answered as it ought to be.
  func runToTheEnd() async throws -> Outcome {
    let outcome = try await run()
    guard outcome.neverStarted == 0 else { throw BenchError("\(outcome.neverStarted) jobs were never leased") }
    return outcome
  }

  /// - Throws: `BenchError` where a request is not answered as it ought to be.
  func run() async throws -> Outcome {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    // About as many submitters as can be under way at once when something takes a second.
    let submitters = min(512, max(8, Int(rate)))
    return try await LoadGenerator.with(submitters + workers, to: target, clock: clock, on: loop) { generator in
      let connections = generator.connections
      let before = clock.now()
      let measurement = try await loop.submit {
        NIOLoopBound(
          LatencyMeasurement(
            self, submitters: Array(connections[..<submitters]), workers: Array(connections[submitters...]), loop: loop),
          eventLoop: loop)
      }.get()
      var outcome = try await withTaskCancellationHandler {
        try await loop.flatSubmit { measurement.value.run(patience: Self.patience) }.get()
      } onCancel: {
        loop.execute { measurement.value.fail(CancellationError()) }
      }
      outcome.cpu = clock.now() - before
      return outcome
    }
  }
}

/// The state of such a measurement; lives on one event loop.
private final class LatencyMeasurement {
  private let done: EventLoopPromise<StartLatency.Outcome>
  private let plan: StartLatency
  private let loop: any EventLoop
  private let submitters: [WireConnection]
  private let workers: [WireConnection]
  private let jobs: Int
  private var sender: PacedSender?
  private var began = ContinuousClock.now
  private var outcome: StartLatency.Outcome
  private var started = 0
  private var told = 0
  private var isOver = false

  init(_ plan: StartLatency, submitters: [WireConnection], workers: [WireConnection], loop: any EventLoop) {
    self.plan = plan
    self.submitters = submitters
    self.workers = workers
    self.loop = loop
    jobs = Int(plan.rate * plan.seconds)
    let windowSeconds = plan.windowSeconds ?? plan.seconds
    let windows = max(1, Int((plan.seconds / windowSeconds).rounded()))
    outcome = StartLatency.Outcome(windows: .init(repeating: .init(), count: windows), windowSeconds: windowSeconds)
    done = loop.makePromise()
  }

  func run(patience: TimeAmount) -> EventLoopFuture<StartLatency.Outcome> {
    guard !isOver else { return done.futureResult }
    for (number, worker) in workers.enumerated() { lease(worker, "\(plan.queue)-\(number)") }
    let sender = PacedSender(submitters, on: loop, rate: plan.rate, count: jobs, request: submission) {
      number, result in self.submitted(number, result)
    }
    self.sender = sender
    // The workers' requests are to wait already when the first job comes.
    sender.begin(after: .milliseconds(500))
    began = sender.due(0)
    let limit = TimeAmount.nanoseconds(Int64(plan.seconds * 1e9)) + patience
    loop.assumeIsolated().scheduleTask(in: limit) { self.finish() }
    return done.futureResult
  }

  private func submission(_ number: Int) -> ByteBuffer {
    var payload = JSONWriter()
    payload.object { $0.field("n", number) }
    let job = JobSubmission(kind: "noop", payload: RawJSON(trusted: payload.bytes), queue: plan.queue)
    return plan.target.request("POST", "/jobs", body: job.json)
  }

  private func submitted(_ number: Int, _ result: Result<WireReply, any Error>) {
    attempt {
      let reply = try result.get()
      try reply.expect(201, "a submission")
      note(reply, number, in: \.submitToAnswer)
    }
  }

  private func lease(_ connection: WireConnection, _ worker: String) {
    guard !isOver else { return }
    let request = LeaseRequest(workerID: worker, max: 1, queues: [plan.queue], waitSeconds: 10)
    connection.send(connection.target.request("POST", "/leases", body: request.json)) { result in
      self.attempt {
        let reply = try result.get()
        try reply.expect(200, "a request for leases")
        let grants = try LeaseGrants(json: Array(buffer: reply.body)).leases
        guard let grant = grants.first else { return self.lease(connection, worker) }
        var reader = try JSONReader(grant.payload.bytes)
        var number = 0
        try reader.object { _, reader throws(JSONError) in number = try reader.int() }
        self.note(reply, number, in: \.submitToStart)
        self.started += 1
        self.settle(grant.leaseID, connection, worker)
      }
    }
  }

  private func settle(_ lease: LeaseID, _ connection: WireConnection, _ worker: String) {
    let request = SettleRequest(results: [Settlement(leaseID: lease, outcome: .done)])
    connection.send(connection.target.request("POST", "/leases/settle", body: request.json)) { result in
      self.attempt {
        try SettleScript.check(try result.get(), 1)
        if self.started == self.jobs { self.finish() } else { self.lease(connection, worker) }
      }
    }
  }

  /// Counts an answer in the window in which it came.
  private func note(
    _ reply: WireReply, _ number: Int, in list: WritableKeyPath<StartLatency.Window, [Double]>
  ) {
    guard let sender else { return }
    let milliseconds = (reply.receivedAt - sender.due(number)).milliseconds
    let window = Int((reply.receivedAt - began).inSeconds / outcome.windowSeconds)
    if outcome.windows.indices.contains(window) {
      outcome.windows[window][keyPath: list].append(milliseconds)
    } else {
      outcome.late[keyPath: list].append(milliseconds)
    }
    while told < min(window, outcome.windows.count) {
      plan.progress(told, outcome.windows[told])
      told += 1
    }
  }

  private func attempt(_ work: () throws -> Void) {
    do { try work() } catch { fail(error) }
  }

  private func finish() {
    guard !isOver else { return }
    isOver = true
    endSubmissions()
    outcome.neverStarted = jobs - started
    while told < outcome.windows.count {
      plan.progress(told, outcome.windows[told])
      told += 1
    }
    done.succeed(outcome)
  }

  func fail(_ error: any Error) {
    guard !isOver else { return }
    isOver = true
    endSubmissions()
    done.fail(error)
  }

  private func endSubmissions() {
    sender?.stop()
    sender = nil
  }
}
