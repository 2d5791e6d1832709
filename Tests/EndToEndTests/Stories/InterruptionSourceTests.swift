import BatonClient
import BatonMetadataDouble
import BatonShared
import BatonTestSupport
import Testing

/// Each source of interruptions, told to a real worker by a metadata service that keeps to the rules.
@Suite(.timeLimit(.minutes(10)), .printsLogs) struct InterruptionSourceTests {
  enum Source: String, CaseIterable, Sendable {
    case spotTerminate, spotStop, spotHibernate, oldNotice, lifecycleState, maintenance
    case gcpPreemption, gcpMaintenance, azurePreempt, azureTerminate, azureReboot

    var provider: MetadataProvider {
      switch self {
      case .gcpPreemption, .gcpMaintenance: .gcp
      case .azurePreempt, .azureTerminate, .azureReboot: .azure
      default: .aws
      }
    }

    /// What the worker reports, and how long it may take to end, in seconds.
    var expected: (source: String, action: String, limit: Double) {
      switch self {
      case .spotTerminate: ("ec2_spot", "terminate", 6)
      case .spotStop: ("ec2_spot", "stop", 6)
      case .spotHibernate: ("ec2_spot", "hibernate", 4)
      case .oldNotice: ("ec2_spot", "terminate", 6)
      case .lifecycleState: ("ec2_lifecycle", "terminate", 8)
      case .maintenance: ("ec2_maintenance", "stop", 6)
      case .gcpPreemption: ("gcp_preemption", "terminate", 8)
      case .gcpMaintenance: ("gcp_maintenance", "terminate", 8)
      case .azurePreempt: ("azure_preempt", "terminate", 6)
      case .azureTerminate: ("azure_terminate", "terminate", 6)
      case .azureReboot: ("azure_reboot", "reboot", 6)
      }
    }

    func tell(_ double: MetadataDouble) {
      double.update { state in
        switch self {
        case .spotTerminate, .gcpPreemption: state.script.notice = .init(action: "terminate", seconds: 6)
        case .spotStop: state.script.notice = .init(action: "stop", seconds: 6)
        case .spotHibernate: state.script.notice = .init(action: "hibernate", seconds: 120)
        case .oldNotice: state.script.values["spot/termination-time"] = MetadataDouble.rfc3339(secondsFromNow: 6)
        case .lifecycleState: state.script.lifecycleState = "Terminated"
        case .maintenance: state.script.maintenance = .init(action: "instance-stop", seconds: 6)
        case .gcpMaintenance: state.script.values["instance/maintenance-event"] = "TERMINATE_ON_HOST_MAINTENANCE"
        case .azurePreempt: state.script.notice = .init(action: "Preempt", seconds: 6)
        case .azureTerminate: state.script.notice = .init(action: "Terminate", seconds: 6)
        case .azureReboot: state.script.notice = .init(action: "Reboot", seconds: 6)
        }
      }
    }
  }

  private static func variables(_ address: String, _ source: Source) -> [String: String] {
    // A reserve of half the notice: what a busy machine is late by must fit into it.
    [
      "SPOT_WATCHER_ENABLED": "true", "SPOT_PROVIDER": source.provider.rawValue, "IMDS_URL": address,
      "POLL_INTERVAL_SECONDS": "0.2", "CHECKPOINT_RESERVE_SECONDS": "3", "WORKER_CAPACITY_TYPE": "",
    ]
  }

  @Test(arguments: Source.allCases)
  func aWorkerThatIsToldHandsBackTakesNothingMoreAndEndsInTime(_ source: Source) async throws {
    try await MetadataDouble.with(MetadataScript(provider: source.provider)) { double, address in
      try await Fleet.with { fleet in try await story(fleet, source, double, address) }
    }
  }

  private func story(_ fleet: Fleet, _ source: Source, _ double: MetadataDouble, _ address: String) async throws {
    let coordinator = try await fleet.startCoordinator(lease: 10, heartbeat: 0.2)
    // A proxy that nobody answers at: whoever asks it for the metadata learns nothing.
    let proxies = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].map { ($0, "http://127.0.0.1:9") }
    let worker = try await fleet.startWorker(
      "worker", for: coordinator, slots: 2, grace: 8,
      environment: Self.variables(address, source).merging(Dictionary(uniqueKeysWithValues: proxies)) { $1 })
    let workerID = try await fleet.workerID(of: worker, at: coordinator)
    try await eventually("the identity of the instance") {
      let worker = try await send(.worker(workerID), to: coordinator.address).registration
      return worker.provider == source.provider.rawValue && worker.capacityType == .spot
        && worker.instanceID?.isEmpty == false && worker.instanceType?.isEmpty == false
        && worker.availabilityZone?.isEmpty == false
    }
    // Google Cloud's notices cannot be made shorter than they are.
    let behaviour = source.provider == .gcp ? InterruptionBehaviour.checkpoint : .auto
    let id = try await fleet.submit(
      .steps(100_000, seconds: 0.02, onInterruption: behaviour), to: coordinator)
    try await fleet.wait(for: id, at: coordinator, "progress") { $0.progress != nil }

    let told = ContinuousClock.now
    source.tell(double)
    try await eventually("/ready saying no") {
      let readiness = await fleet.readiness(of: worker)
      return readiness == 503 || worker.ending != nil
    }
    let late = try await fleet.submit(.noop, to: coordinator)
    #expect(try await worker.waitForEnd(within: .seconds(40)) == .exited(0))
    let took = ContinuousClock.now - told
    #expect(took < .seconds(source.expected.limit), "\(took)")

    let job = try await fleet.job(id, at: coordinator)
    #expect(job.status == .queued && job.interruptions == 1 && job.failures == 0 && job.losses == 0)
    let attempts = try await fleet.attempts(id, at: coordinator)
    #expect(attempts.first?.outcome == .interrupted)
    // Handed back before the coordinator knew of the drain, it may come to the same worker, which has a free slot and
    // still waits; it goes back unrun.
    #expect(attempts.dropFirst().allSatisfy { $0.outcome == .released })
    let waiting = try await fleet.job(late, at: coordinator)
    #expect(waiting.status == .queued && waiting.failures + waiting.losses + waiting.interruptions == 0)
    // It may have been on its way to the worker when the drain began; then it came back as it was.
    #expect(try await fleet.attempts(late, at: coordinator).allSatisfy { $0.outcome == .released })
    let interruption = try await send(.worker(workerID), to: coordinator.address).interruption
    #expect(interruption?.source == source.expected.source && interruption?.action == source.expected.action)
  }

  @Test func aRecommendationLeavesOutWhatRunsLongAndIsForgottenWhenNothingFollows() async throws {
    try await MetadataDouble.with { double, address in
      try await Fleet.with { fleet in
        let coordinator = try await fleet.startCoordinator(lease: 10, heartbeat: 0.2)
        let worker = try await fleet.startWorker(
          "worker", for: coordinator, slots: 2,
          environment: Self.variables(address, .spotTerminate).merging([
            "SOFT_MAX_JOB_SECONDS": "0.5", "REBALANCE_EXPIRY_SECONDS": "5",
          ]) { $1 })
        let workerID = try await fleet.workerID(of: worker, at: coordinator)
        // It never saves by itself.
        let job = try await fleet.submit(.steps(100_000, seconds: 0.02, checkpointEvery: 1_000_000), to: coordinator)
        try await fleet.wait(for: job, at: coordinator, "progress") { $0.progress?.fraction ?? 0 > 0.0003 }

        double.update { $0.script.rebalance = true }
        try await eventually("the recommendation at the coordinator") {
          let snapshot = try await send(.worker(workerID), to: coordinator.address)
          return snapshot.state == .active && snapshot.interruption?.action == "rebalance"
        }
        try await fleet.wait(for: job, at: coordinator, "an early checkpoint") { $0.checkpoint != nil }
        #expect(await fleet.readiness(of: worker) == 200)
        let metrics = try await call("GET", worker.address + "/metrics")
        #expect(String(decoding: metrics.body, as: UTF8.self).contains("worker_soft_state 1"))
        // A long one waits, a short one does not.
        let long = try await fleet.submit(.steps(1, seconds: 0.01), to: coordinator)
        let short = try await fleet.submit(.noop, to: coordinator)
        #expect(try await fleet.finish(short, at: coordinator).status == .done)
        #expect(try await fleet.job(long, at: coordinator).status == .queued)
        // It expires, although the metadata say it still.
        #expect(try await fleet.finish(long, at: coordinator).status == .done)
        try await eventually("the end of the soft state at the coordinator") {
          try await send(.worker(workerID), to: coordinator.address).interruption == nil
        }
        #expect(try await fleet.job(job, at: coordinator).status == .processing)
      }
    }
  }

  @Test func anIgnoredSourceChangesNothing() async throws {
    try await MetadataDouble.with { double, address in
      try await Fleet.with { fleet in
        let coordinator = try await fleet.startCoordinator(lease: 10, heartbeat: 0.2)
        let worker = try await fleet.startWorker(
          "worker", for: coordinator,
          environment: Self.variables(address, .spotTerminate).merging(["ON_LIFECYCLE_STATE": "ignore"]) { $1 })
        double.update { $0.script.lifecycleState = "Terminated" }
        try await worker.waitForLog("it is ignored, as configured")
        let job = try await fleet.submit(.noop, to: coordinator)
        #expect(try await fleet.finish(job, at: coordinator).status == .done)
        #expect(await fleet.readiness(of: worker) == 200)
      }
    }
  }

  @Test func aServiceThatMisbehavesNeitherDelaysTheStartNorHidesTheNotice() async throws {
    var script = MetadataScript()
    script.failureRate = 0.4
    script.maximumTokenLife = 2
    try await MetadataDouble.with(script, seed: 7) { double, address in
      try await Fleet.with { fleet in
        let coordinator = try await fleet.startCoordinator(lease: 10, heartbeat: 0.2)
        double.update { $0.script.tokenDelay = 60 }
        let began = ContinuousClock.now
        let worker = try await fleet.startWorker(
          "worker", for: coordinator, environment: Self.variables(address, .spotTerminate))
        let job = try await fleet.submit(.noop, to: coordinator)
        #expect(try await fleet.finish(job, at: coordinator).status == .done)
        #expect(ContinuousClock.now - began < .seconds(15))
        try await worker.waitForLog("interruption notices unavailable")
        double.update { state in
          state.script.tokenDelay = 0
          state.script.notice = .init(action: "terminate", seconds: 60)
        }
        try await worker.waitForLog("draining: no more jobs are taken")
        #expect(try await worker.waitForEnd() == .exited(0))
      }
    }
  }
}
