import BatonClient
import BatonJSON
import BatonLocalPostgres
import BatonShared
import Synchronization

/// A coordinator that comes back to very many workers that wait for it.
public struct HerdDrill: Drill {
  public struct Options: Sendable {
    public var workers = 1000
    /// How many of them share a process.
    public var perProcess = 100
    /// How long the coordinator is away, in seconds.
    public var outage = 5.0
    /// How long it is watched before and after, in seconds.
    public var seconds = 15.0

    public init() {}
  }

  let options: Options
  let setting: DrillSetting

  public init(_ options: Options, in setting: DrillSetting) {
    self.options = options
    self.setting = setting
  }

  /// What is being written down, by several at once.
  private final class Notes: Sendable {
    let origin = WallClock.now
    let record = Mutex(HerdVerdict.Record())

    var now: Double { WallClock.now - origin }
    func note(_ change: (inout HerdVerdict.Record, Double) -> Void) {
      let now = now
      record.withLock { change(&$0, now) }
    }
  }

  public func run() async throws -> HerdVerdict {
    let fleet = try setting.fleet()
    let notes = Notes()
    notes.note { record, _ in
      record.workers = options.workers
      record.showsMemory = ProcessTable.isShown
    }
    try await fleet.play { late in
      notes.note { record, now in record.late.append((now, late)) }
    } body: {
      try await play(fleet, notes)
    }
    return HerdVerdict(notes.record.withLock { $0 })
  }

  private func play(_ fleet: DrillFleet, _ notes: Notes) async throws {
    let port = LoopbackPorts.anyStable()
    let address = "http://127.0.0.1:\(port)"
    let first = try await fleet.startCoordinator("coordinator-1", port: port)
    try await fleet.waitUntilReady(first, at: address)
    for number in 0..<((options.workers + options.perProcess - 1) / options.perProcess) {
      let count = min(options.perProcess, options.workers - number * options.perProcess)
      let command = setting.programs.herd + ["--count", "\(count)", "--coordinator", address]
      _ = try await fleet.start(
        "herd-\(number + 1)", command[0], arguments: Array(command.dropFirst()), environment: [:])
    }
    let configuration = BatonClient.Configuration(address: address, timeout: .seconds(5), connections: 8)
    try await BatonClient.with(configuration) { client in
      guard try await waitForWorkers(client, seconds: 120) else { throw DrillFailure("not all workers came") }
      setting.say("\(options.workers) workers wait for work")
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await ask(client, notes) }
        try await Task.sleep(for: .seconds(options.seconds))
        let second = try await comeBack(fleet, port, after: first, notes)
        let isBack = try await waitForWorkers(client, seconds: 60)
        notes.note { record, now in if isBack { record.waitingAt = now } }
        setting.say(isBack ? "all workers wait again" : "not all workers came back")
        try await Task.sleep(for: .seconds(options.seconds))
        group.cancelAll()
        try await work(fleet, client, notes)
        let peak = second.started.value.flatMap { $0 }.flatMap { ProcessTable.megabytes(of: $0, .peak) }
        notes.note { record, _ in record.megabytesPeak = peak }
      }
    }
  }

  private func comeBack(
    _ fleet: DrillFleet, _ port: Int, after first: DrillProcess, _ notes: Notes
  ) async throws -> DrillProcess {
    let before = first.started.value.flatMap { $0 }.flatMap { ProcessTable.megabytes(of: $0, .now) }
    notes.note { record, now in
      record.megabytesBefore = before
      record.killedAt = now
    }
    first.signal(Signals.kill)
    await first.ended.wait(seconds: 10)
    try await Task.sleep(for: .seconds(options.outage))
    notes.note { record, now in record.startedAt = now }
    return try await fleet.startCoordinator("coordinator-2", port: port) { _ in
      notes.note { record, now in record.listeningAt = record.listeningAt ?? now }
    }
  }

  /// Waits until every worker has a request for work that waits.
  private func waitForWorkers(_ client: BatonClient, seconds: Double) async throws -> Bool {
    let end = ContinuousClock.now + .seconds(seconds)
    let request = APIRequest<String>(.get, "/metrics", repetition: .once) { String(decoding: $0.body, as: UTF8.self) }
    while ContinuousClock.now < end {
      let metrics = (try? await client.send(request)) ?? ""
      let line = metrics.split(separator: "\n").first { $0.hasPrefix("baton_lease_requests_waiting ") }
      let waiting = line?.split(separator: " ").last.flatMap { Double($0) }.map { Int($0) }
      if waiting == options.workers { return true }
      try await Task.sleep(for: .milliseconds(100))
    }
    return false
  }

  /// Asks for something every twentieth of a second, as anybody else might, until it is cancelled.
  private func ask(_ client: BatonClient, _ notes: Notes) async throws {
    let request = APIRequest<Void>(.get, "/jobs", query: [("limit", "1")], repetition: .once) { _ in }
    await withDiscardingTaskGroup { group in
      while !Task.isCancelled {
        group.addTask {
          let sentAt = notes.now
          let isGood = (try? await client.send(request)) != nil
          if Task.isCancelled { return }
          notes.note { record, now in
            record.samples.append(.init(sentAt: sentAt, seconds: now - sentAt, isGood: isGood))
          }
        }
        try? await Task.sleep(for: .milliseconds(50))
      }
    }
  }

  /// A job for each.
  private func work(_ fleet: DrillFleet, _ client: BatonClient, _ notes: Notes) async throws {
    let start = notes.now
    let job = JobSubmission(kind: "noop")
    let ids = try await client.send(.submit([JobSubmission](repeating: job, count: options.workers))).ids
    let end = ContinuousClock.now + .seconds(60)
    var done = 0
    while done < ids.count, ContinuousClock.now < end {
      let text = try await fleet.postgres.run("select count(*) from jobs where status = 'done'", database: "baton")
      done = Int(text.filter(\.isNumber)) ?? 0
      try await Task.sleep(for: .milliseconds(100))
    }
    let found = done
    notes.note { record, now in
      record.jobs = ids.count
      record.done = found
      record.doneSeconds = now - start
    }
  }
}
