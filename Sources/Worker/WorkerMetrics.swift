import BatonTelemetry
import BatonThreads
import Metrics

/// What a worker counts and measures.
struct WorkerMetrics: Sendable {
  let registry: PrometheusRegistry
  private let heldLeases: Gauge
  private let prefetchedLeases: Gauge
  private let slotCount: Gauge
  private let draining: Gauge
  private let softState: Gauge
  private let registered: Gauge
  private let noticesUnavailable: Gauge
  private let checkpointBytes: Counter
  private let checkpointSeconds: Timer
  private let warningSeconds: Recorder
  private let jobSeries = JobSeries()

  init(registry: PrometheusRegistry) {
    self.registry = registry
    registry.describe("worker_leases", help: "Leases held.")
    registry.describe("worker_prefetched_leases", help: "Leases held beyond the slots, whose jobs have not begun.")
    registry.describe("worker_leases_handed_back", help: "Leases handed back unrun, by reason.")
    registry.describe("worker_slots", help: "Jobs that may run at once.")
    registry.describe("worker_draining", help: "1 while the worker takes no more jobs.")
    registry.describe(
      "worker_soft_state", help: "1 while the instance may be taken away, and no jobs are taken that usually run long.")
    registry.describe(
      "worker_registered", help: "1 if a coordinator has answered the worker within the time of a lease.")
    registry.describe("worker_jobs", help: "Attempts by kind and outcome.")
    registry.describe(
      "worker_job_run", help: "How long attempts ran.",
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14_400])
    registry.describe("worker_heartbeats", help: "Heartbeats by result.")
    registry.describe("worker_interruptions", help: "Interruption notices by source and action.")
    registry.describe("worker_triage", help: "Decisions on jobs in flight during a drain.")
    registry.describe(
      "worker_notices_unavailable", help: "1 while interruption notices cannot be read from the instance metadata.")
    registry.describe("worker_checkpoint_bytes", help: "Bytes of checkpoints saved.")
    registry.describe("worker_checkpoint", help: "How long checkpoints took to save.")
    registry.describe(
      "worker_warning_seconds", help: "Seconds of warning that interruption notices gave.",
      buckets: [5, 10, 20, 30, 45, 60, 90, 110, 120, 300, 900])
    heldLeases = Gauge(label: "worker_leases", factory: registry)
    prefetchedLeases = Gauge(label: "worker_prefetched_leases", factory: registry)
    slotCount = Gauge(label: "worker_slots", factory: registry)
    draining = Gauge(label: "worker_draining", factory: registry)
    softState = Gauge(label: "worker_soft_state", factory: registry)
    registered = Gauge(label: "worker_registered", factory: registry)
    noticesUnavailable = Gauge(label: "worker_notices_unavailable", factory: registry)
    checkpointBytes = Counter(label: "worker_checkpoint_bytes", factory: registry)
    checkpointSeconds = Timer(label: "worker_checkpoint", factory: registry)
    warningSeconds = Recorder(label: "worker_warning_seconds", dimensions: [], aggregate: true, factory: registry)
    for gauge in [heldLeases, prefetchedLeases, draining, softState, registered, noticesUnavailable] { gauge.record(0) }
  }

  func leases(_ count: Int) { heldLeases.record(count) }
  func prefetched(_ count: Int) { prefetchedLeases.record(count) }
  func slots(_ count: Int) { slotCount.record(count) }
  func registered(_ isRegistered: Bool) { registered.record(isRegistered ? 1 : 0) }
  func noticesUnavailable(_ areUnavailable: Bool) { noticesUnavailable.record(areUnavailable ? 1 : 0) }

  func drainBegan() { draining.record(1) }
  func softState(_ isSoft: Bool) { self.softState.record(isSoft ? 1 : 0) }

  /// A notice, once an event.
  func interruption(_ notice: InterruptionNotice) {
    if let seconds = notice.secondsLeft { warningSeconds.record(seconds) }
    Counter(
      label: "worker_interruptions", dimensions: [("source", notice.source), ("action", notice.action)],
      factory: registry
    ).increment()
  }

  func triage(_ decision: String) {
    Counter(label: "worker_triage", dimensions: [("decision", decision)], factory: registry).increment()
  }

  func heartbeat(_ result: String) {
    Counter(label: "worker_heartbeats", dimensions: [("result", result)], factory: registry).increment()
  }

  func handedBack(_ count: Int, _ reason: String) {
    Counter(label: "worker_leases_handed_back", dimensions: [("reason", reason)], factory: registry)
      .increment(by: count)
  }

  func job(kind: String, outcome: String, seconds: Double) {
    let (counter, timer) = jobSeries.find(kind: kind, outcome: outcome, in: registry)
    counter.increment()
    timer.recordNanoseconds(Int64(max(0, seconds) * 1e9))
  }

  func checkpoint(bytes: Int, seconds: Double) {
    checkpointBytes.increment(by: bytes)
    checkpointSeconds.recordNanoseconds(Int64(max(0, seconds) * 1e9))
  }
}

/// The series of each kind and outcome, found once: looking one up costs more than a job that ends at once.
private final class JobSeries: Sendable {
  private struct Key: Hashable {
    let kind: String
    let outcome: String
  }

  private let known = Lock<[Key: (Counter, Timer)]>([:])

  func find(kind: String, outcome: String, in registry: PrometheusRegistry) -> (Counter, Timer) {
    known.withLock { known in
      let key = Key(kind: kind, outcome: outcome)
      if let series = known[key] { return series }
      let series = (
        Counter(label: "worker_jobs", dimensions: [("kind", kind), ("outcome", outcome)], factory: registry),
        Timer(label: "worker_job_run", dimensions: [("kind", kind)], factory: registry)
      )
      known[key] = series
      return series
    }
  }
}
