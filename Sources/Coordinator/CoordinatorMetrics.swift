import BatonShared
import BatonTelemetry
import Metrics
import Synchronization

/// What the coordinator counts. Jobs and workers by status are read from the database at each scrape instead.
public final class CoordinatorMetrics: Sendable {
  let registry: PrometheusRegistry
  private let leasedJobs: Counter
  private let handedBackLeases: Counter
  private let reapedLeases: Counter
  private let waited: Recorder
  private let handovers: [AttemptOutcome: Recorder]
  private let lostWork: [AttemptOutcome: Recorder]
  private let settlements: [SettleOutcome: (accepted: Counter, lost: Counter)]
  private let renewals: [LeaseStatus: Counter]
  private let submitted: Counter
  private let batchSizes: [String: Recorder]
  /// Made when a route first answers with a status; a lookup is cheaper than the registry's.
  private let requests = Mutex<[RequestKey: Metrics.Timer]>([:])

  private struct RequestKey: Hashable {
    let method: String
    let route: String
    let status: Int
  }

  public init(registry: PrometheusRegistry) {
    self.registry = registry
    registry.describe("baton_jobs", help: "Jobs by queue and status.")
    registry.describe("baton_workers", help: "Workers by state.")
    registry.describe("baton_queue_paused", help: "1 while a queue is paused.")
    registry.describe(
      "baton_oldest_queued_seconds", help: "How long the job of the queue that waits longest has been ready.")
    registry.describe(
      "baton_oldest_expired_lease_seconds", help: "Age of the oldest lease that has expired and was not reaped yet.")
    registry.describe(
      "baton_queues_not_shown", help: "Queues that have no series of their own here, as there are too many.")
    registry.describe("baton_draining", help: "1 while this coordinator drains.")
    registry.describe("baton_lease_requests_waiting", help: "Requests for leases that wait for work.")
    registry.describe("baton_transfer_bytes", help: "Memory of checkpoints and logs on their way in or out.")
    registry.describe("baton_transfers_waiting", help: "Checkpoints and logs that wait for memory.")
    registry.describe("baton_request_bytes", help: "Memory of other requests' bodies, and of large answers.")
    registry.describe("baton_jobs_submitted", help: "Jobs accepted.")
    registry.describe("baton_leases_granted", help: "Leases given to workers.")
    registry.describe("baton_leases_handed_back", help: "Leases taken back because the asker had gone.")
    registry.describe("baton_leases_lost", help: "Leases that expired.")
    registry.describe("baton_settlements", help: "Settlements by outcome and status.")
    registry.describe("baton_renewals", help: "Renewals of leases by status.")
    registry.describe("baton_job_wait_seconds", help: "From being ready to being leased.")
    registry.describe(
      "baton_handover_seconds",
      help: "From the end of an attempt that was handed back, or its last renewal if it expired, to the next lease.",
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800])
    registry.describe(
      "baton_lost_work_seconds", help: "What an attempt that did not get done had run since its newest checkpoint.",
      buckets: [0.01, 0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 14_400])
    registry.describe(
      "baton_batch_size", help: "Items in one statement, by operation.",
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000])
    registry.describe("baton_http_request_seconds", help: "Time to answer a request, by route and status.")
    leasedJobs = Counter(label: "baton_leases_granted", factory: registry)
    handedBackLeases = Counter(label: "baton_leases_handed_back", factory: registry)
    reapedLeases = Counter(label: "baton_leases_lost", factory: registry)
    submitted = Counter(label: "baton_jobs_submitted", factory: registry)
    waited = Recorder(label: "baton_job_wait_seconds", factory: registry)
    func recorders(_ label: String, _ outcomes: [AttemptOutcome]) -> [AttemptOutcome: Recorder] {
      let recorders = outcomes.map { outcome in
        (outcome, Recorder(label: label, dimensions: [("outcome", outcome.label)], factory: registry))
      }
      return Dictionary(uniqueKeysWithValues: recorders)
    }
    handovers = recorders("baton_handover_seconds", [.released, .interrupted, .lost])
    lostWork = recorders("baton_lost_work_seconds", [.released, .interrupted, .lost, .failed, .timedOut])
    var settlements: [SettleOutcome: (Counter, Counter)] = [:]
    for outcome in SettleOutcome.allCases {
      func counter(_ status: SettleStatus) -> Counter {
        Counter(
          label: "baton_settlements", dimensions: [("outcome", outcome.rawValue), ("status", status.rawValue)],
          factory: registry)
      }
      settlements[outcome] = (counter(.accepted), counter(.lost))
    }
    self.settlements = settlements
    var renewals: [LeaseStatus: Counter] = [:]
    for status in LeaseStatus.allCases {
      renewals[status] = Counter(
        label: "baton_renewals", dimensions: [("status", status.rawValue)], factory: registry)
    }
    self.renewals = renewals
    var batchSizes: [String: Recorder] = [:]
    for operation in ["enqueue", "lease", "renew", "settle"] {
      batchSizes[operation] = Recorder(
        label: "baton_batch_size", dimensions: [("operation", operation)], factory: registry)
    }
    self.batchSizes = batchSizes
  }

  func batch(_ operation: String, _ size: Int) { batchSizes[operation]?.record(size) }

  func submitted(_ count: Int) { submitted.increment(by: count) }

  func leased(_ leases: [Lease]) {
    guard !leases.isEmpty else { return }
    batch("lease", leases.count)
    leasedJobs.increment(by: leases.count)
    for lease in leases {
      waited.record(max(0, lease.waitedSeconds))
      if let handover = lease.handover { handovers[handover.from]?.record(handover.seconds) }
    }
  }

  func handedBack(_ count: Int) { handedBackLeases.increment(by: count) }

  func reaped(_ outcome: ReapOutcome) {
    reapedLeases.increment(by: outcome.lost)
    lost(outcome.lostWork)
  }

  private func lost(_ work: [LostWork]) {
    for work in work { lostWork[work.outcome]?.record(work.seconds) }
  }

  func settled(_ settlements: [Settlement], _ outcome: SettleOutcomes) {
    lost(outcome.lostWork)
    for (settlement, status) in zip(settlements, outcome.statuses) {
      guard let counters = self.settlements[settlement.outcome] else { continue }
      (status == .accepted ? counters.accepted : counters.lost).increment()
    }
  }

  func renewed(_ statuses: [LeaseStatus]) {
    for status in statuses { renewals[status]?.increment() }
  }

  func answered(method: String, route: String, status: Int, in duration: Duration) {
    let key = RequestKey(method: method, route: route, status: status)
    let timer = requests.withLock { timers in
      if let timer = timers[key] { return timer }
      let timer = Metrics.Timer(
        label: "baton_http_request", dimensions: [("method", method), ("route", route), ("status", "\(status)")],
        factory: registry)
      timers[key] = timer
      return timer
    }
    timer.recordNanoseconds(Int64(duration / .nanoseconds(1)))
  }

  /// The most queues that have series of their own: whoever may submit may think of any number of names.
  static let mostQueues = 1000

  /// Brings what is read from the database up to date.
  func update(_ counts: Census.Counts) {
    var jobs: [[String: String]: Double] = [:]
    var ages: [[String: String]: Double] = [:]
    var paused: [[String: String]: Double] = [:]
    for queue in counts.busiestQueues(Self.mostQueues) {
      for status in JobStatus.allCases {
        jobs[["queue": queue.name, "status": status.rawValue]] = Double(queue.counts[status])
      }
      ages[["queue": queue.name]] = queue.oldestQueuedSeconds ?? 0
      paused[["queue": queue.name]] = queue.paused ? 1 : 0
    }
    registry.replace("baton_jobs", with: jobs)
    registry.replace("baton_oldest_queued_seconds", with: ages)
    registry.replace("baton_queue_paused", with: paused)
    registry.set("baton_queues_not_shown", to: Double(max(0, counts.queues.count - Self.mostQueues)))
    var workers: [[String: String]: Double] = [:]
    for state in WorkerState.allCases { workers[["state": state.rawValue]] = Double(counts.workers[state] ?? 0) }
    registry.replace("baton_workers", with: workers)
    registry.set("baton_oldest_expired_lease_seconds", to: counts.oldestExpiredLeaseSeconds ?? 0)
  }
}

extension AttemptOutcome {
  /// As metrics say it: `lost` is what `baton_settlements_total` calls a settlement that came too late.
  fileprivate var label: String { self == .lost ? "expired" : rawValue }
}
