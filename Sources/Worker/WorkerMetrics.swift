import BatonTelemetry
import Metrics

/// What a worker counts and measures.
struct WorkerMetrics: Sendable {
  let registry: PrometheusRegistry
  private let heldLeases: Gauge
  private let slotCount: Gauge
  private let draining: Gauge
  private let softState: Gauge
  private let registered: Gauge
  private let noticesUnavailable: Gauge
  private let checkpointBytes: Counter
  private let checkpointSeconds: Timer
  private let warningSeconds: Recorder

  init(registry: PrometheusRegistry) {
    self.registry = registry
    registry.describe("worker_leases", help: "Leases held.")
    registry.describe("worker_slots", help: "Jobs that may run at once.")
    registry.describe("worker_draining", help: "1 while the worker takes no more jobs.")
    registry.describe(
      "worker_soft_state", help: "1 while the instance may be taken away, and no jobs are taken that usually run long.")
    registry.describe("worker_registered", help: "1 once the coordinator knows the worker.")
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
    slotCount = Gauge(label: "worker_slots", factory: registry)
    draining = Gauge(label: "worker_draining", factory: registry)
    softState = Gauge(label: "worker_soft_state", factory: registry)
    registered = Gauge(label: "worker_registered", factory: registry)
    noticesUnavailable = Gauge(label: "worker_notices_unavailable", factory: registry)
    checkpointBytes = Counter(label: "worker_checkpoint_bytes", factory: registry)
    checkpointSeconds = Timer(label: "worker_checkpoint", factory: registry)
    warningSeconds = Recorder(label: "worker_warning_seconds", dimensions: [], aggregate: true, factory: registry)
    for gauge in [heldLeases, draining, softState, registered, noticesUnavailable] { gauge.record(0) }
  }

  func leases(_ count: Int) { heldLeases.record(count) }
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

  func job(kind: String, outcome: String, seconds: Double) {
    Counter(
      label: "worker_jobs", dimensions: [("kind", kind), ("outcome", outcome)], factory: registry
    ).increment()
    Timer(label: "worker_job_run", dimensions: [("kind", kind)], factory: registry)
      .recordNanoseconds(Int64(max(0, seconds) * 1e9))
  }

  func checkpoint(bytes: Int, seconds: Double) {
    checkpointBytes.increment(by: bytes)
    checkpointSeconds.recordNanoseconds(Int64(max(0, seconds) * 1e9))
  }
}
