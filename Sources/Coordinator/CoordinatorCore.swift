import BatonPostgres
import BatonShared
import Logging

/// What the API works with: the store, and what batches, wakes and counts on top of it. A class, so that a request that
/// waits keeps a reference and not all of it.
final class CoordinatorCore: Sendable {
  let configuration: CoordinatorConfiguration
  let store: JobStore
  let ids = JobIDGenerator()
  let metrics: CoordinatorMetrics
  let lifecycle: Lifecycle
  let enqueuer: Batcher<NewJob, EnqueueOutcome>
  let settler: Batcher<Settlement, SettleStatus>
  let renewer: Batcher<Heartbeat.Lease, LeaseStatus>
  let pulses: Batcher<WorkerPulse, (drain: Bool, facts: WorkerFacts)>
  let dispatcher: LeaseDispatcher
  let scheduler: JobScheduler
  let registry: WorkerRegistry
  let census: Census
  /// Whether the database answers: strangers may ask, so all of them together cost it little.
  let reach: SharedAnswer<Void>
  /// For bodies of requests, and for large answers.
  let requestMemory: MemoryBudget
  let transfers: Transfers

  let wakes: WorkWaker
  let announcer: WorkAnnouncer

  init(
    configuration: CoordinatorConfiguration, store: JobStore, metrics: CoordinatorMetrics, lifecycle: Lifecycle,
    logger: Logger
  ) {
    self.configuration = configuration
    self.store = store
    self.metrics = metrics
    self.lifecycle = lifecycle
    requestMemory = MemoryBudget(limit: configuration.limits.maxRequestMemoryBytes)
    transfers = Transfers(memory: MemoryBudget(limit: configuration.limits.maxTransferMemoryBytes))
    let announcer = WorkAnnouncer(store: store, logger: logger)
    let dispatcher = LeaseDispatcher(
      store: store, announcer: announcer, ttlSeconds: configuration.leaseTTLSeconds, metrics: metrics, logger: logger,
      isOpen: { lifecycle.databaseAnswers }, recheckInterval: configuration.leaseRecheckInterval)
    let scheduler = JobScheduler(
      store: store, dispatcher: dispatcher, lifecycle: lifecycle, logger: logger)
    let wakes = WorkWaker(dispatcher: dispatcher, scheduler: scheduler)
    self.announcer = announcer
    self.wakes = wakes
    self.dispatcher = dispatcher
    self.scheduler = scheduler
    let isOpen: @Sendable () -> Bool = { lifecycle.databaseAnswers }
    enqueuer = Batcher(isOpen: isOpen) { jobs in
      let outcomes = try await store.enqueue(jobs)
      metrics.batch("enqueue", jobs.count)
      metrics.submitted(outcomes.count { if case .created = $0 { true } else { false } })
      await wakes.wake(Requeued.all(jobs, outcomes))
      return outcomes
    }
    settler = Batcher(isOpen: isOpen) { settlements in
      let outcome = try await store.settle(settlements)
      metrics.batch("settle", settlements.count)
      metrics.settled(settlements, outcome)
      await wakes.wake(outcome.requeued)
      return outcome.statuses
    }
    let ttl = configuration.leaseTTLSeconds
    renewer = Batcher(maximumItems: 10_000, maximumWaiting: 500_000, isOpen: isOpen) { leases in
      let statuses = try await store.renew(leases, ttlSeconds: ttl)
      metrics.batch("renew", leases.count)
      metrics.renewed(statuses)
      return statuses
    }
    // A worker that was not heard of for a lease's time holds nothing any more.
    // One at a time: whoever locks workers in the database keeps none but this from leases.
    pulses = Batcher(lanes: 1, isOpen: isOpen) { pulses in
      try await store.notePulses(pulses, silentAfterSeconds: ttl)
    }
    registry = WorkerRegistry(store: store, silentAfterSeconds: ttl)
    census = Census(store: store)
    reach = SharedAnswer(keptFor: { _ in .milliseconds(100) }, asking: { try await store.ping() })
  }

  /// From now on this coordinator gives out no leases, and `/ready` says so.
  func beginDrain() {
    lifecycle.beginDrain()
    dispatcher.drain()
  }
}

extension Requeued {
  /// One for each sort of job that is new.
  fileprivate static func all(_ jobs: [NewJob], _ outcomes: [EnqueueOutcome]) -> [Requeued] {
    var counts: [Requeued: Int] = [:]
    for (job, outcome) in zip(jobs, outcomes) {
      guard case .created(let now) = outcome else { continue }
      let submission = job.submission
      let runAt = submission.runAt(submittedAt: now)
      let sort = Requeued(
        queue: submission.queue, dueInSeconds: max(0, Double(runAt.microseconds - now.microseconds) / 1_000_000),
        position: LeasePosition(
          range: LeaseRange(queue: submission.queue, placement: submission.placement),
          floor: LeaseFloor(priority: submission.priority, runAt: runAt)))
      counts[sort, default: 0] += 1
    }
    return counts.map { sort, count in
      var requeued = sort
      requeued.count = count
      return requeued
    }
  }
}
