import BatonShared
import NIOCore
import NIOPosix

/// How many jobs a second a coordinator takes, gives out and takes back.
struct Throughput: Sendable {
  /// A load: how many connections, and how many jobs a request.
  struct Load: Sendable {
    var connections: Int
    var batch: Int
    /// For each of its steps; enough for about a second.
    var jobs: Int

    var parameters: [(name: String, value: Int)] { [("connections", connections), ("batch", batch)] }
  }

  /// - Parameter scale: 1 for about a second a step.
  static func loads(scale: Double) -> [Load] {
    let loads: [(connections: Int, batch: Int, jobs: Int)] = [
      (1, 1, 800), (8, 1, 4000), (64, 1, 12_800), (256, 1, 20_480),
      (1, 100, 16_000), (8, 100, 32_000), (64, 100, 38_400),
      (1, 1000, 30_000), (8, 1000, 48_000),
    ]
    return loads.map { load in
      let unit = load.connections * load.batch
      let jobs = max(1, Int((Double(load.jobs) * scale / Double(unit)).rounded())) * unit
      return Load(connections: load.connections, batch: load.batch, jobs: jobs)
    }
  }

  /// Every combination of these.
  static func loads(connections: [Int], batches: [Int], scale: Double) -> [Load] {
    connections.flatMap { connections in
      batches.map { batch in
        let unit = connections * batch
        // Larger batches and more connections get through more in a second.
        let perSecond = batch > 1 ? 30_000.0 : min(20_000, 1000 * Double(connections).squareRoot())
        return Load(
          connections: connections, batch: batch,
          jobs: max(1, Int((perSecond * scale / Double(unit)).rounded())) * unit)
      }
    }
  }

  let target: WireTarget
  let queue: String
  let clock: CPUClock
  /// Whether single requests that need no work are measured, too.
  var asksForNothing = true
  /// Told of each step.
  let progress: @Sendable (String) -> Void

  /// What one round of one load found, step by step.
  struct Outcome: Sendable {
    var steps: [(name: String, result: LoadResult)] = []
  }

  /// What a server can be asked that keeps nothing: requests that need no work, and submissions.
  func runWithoutJobs(_ load: Load) async throws -> Outcome {
    let requests = WorkRequests(target: target, queue: queue, batch: load.batch)
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    return try await LoadGenerator.with(load.connections, to: target, clock: clock, on: loop) { generator in
      let nothing = try await nothing(load, generator)
      let submit = try await generator.run { _ in SubmitScript(requests, jobs: load.jobs / load.connections) }
      return Outcome(steps: [("http", nothing), ("http_submit", submit)])
    }
  }

  private func nothing(_ load: Load, _ generator: LoadGenerator) async throws -> LoadResult {
    try await generator.run { _ in NothingScript(target, requests: load.jobs / load.connections) }
  }

  func run(_ load: Load) async throws -> Outcome {
    let requests = WorkRequests(target: target, queue: queue, batch: load.batch)
    let share = load.jobs / load.connections
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    return try await LoadGenerator.with(load.connections, to: target, clock: clock, on: loop) { generator in
      var outcome = Outcome()
      if load.batch == 1, asksForNothing {
        progress("nothing")
        outcome.steps.append(("nothing", try await nothing(load, generator)))
      }
      progress("submit")
      let submit = try await generator.run { _ in SubmitScript(requests, jobs: share) }
      outcome.steps.append(("submit", submit))

      let baskets = (0..<load.connections).map { _ in LeaseBasket() }
      progress("lease")
      let lease = try await generator.run { number in
        LeaseScript(requests, worker: "\(queue)-\(number)", jobs: share, into: baskets[number])
      }
      outcome.steps.append(("lease", lease))
      let leases = baskets.map { $0.takeAll() }
      progress("settle")
      let settle = try await generator.run { number in SettleScript(requests, leases: leases[number]) }
      outcome.steps.append(("settle", settle))

      // Jobs for the next step; how fast they come is known by now.
      _ = try await generator.run { _ in SubmitScript(requests, jobs: share) }
      progress("work")
      let work = try await generator.run { number in
        WorkScript(requests, worker: "\(queue)-\(number)", jobs: share)
      }
      outcome.steps.append(("work", work))

      progress("cycle")
      let cycle = try await generator.run { number in
        CycleScript(requests, worker: "\(queue)-\(number)", jobs: share)
      }
      outcome.steps.append(("cycle", cycle))
      // What the last ones were not given.
      let drain = WorkRequests(target: target, queue: queue, batch: 1000)
      _ = try await generator.run { number in DrainScript(drain, worker: "\(queue)-0", isDry: number > 0) }
      return outcome
    }
  }
}

/// Takes and settles whatever is queued.
private final class DrainScript: LoadScript {
  private let requests: WorkRequests
  private let worker: String
  private var held: [LeaseText] = []
  private var isDry: Bool

  init(_ requests: WorkRequests, worker: String, isDry: Bool) {
    self.requests = requests
    self.worker = worker
    self.isDry = isDry
  }

  func next() -> ByteBuffer? {
    guard held.isEmpty else { return requests.settle(held[...]) }
    return isDry ? nil : requests.lease(worker: worker, max: 1000, waitSeconds: 0)
  }

  func take(_ reply: WireReply) throws -> Int {
    guard held.isEmpty else {
      held = []
      return 0
    }
    try reply.expect(200, "a request for leases")
    held = LeaseText.all(in: reply.body)
    isDry = held.isEmpty
    return 0
  }
}
