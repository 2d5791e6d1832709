import BatonShared
import BatonTelemetry
import Testing

@testable import BatonWorker

@Suite struct ConfigurationTests {
  @Test func withoutAnySettingTheDefaultsHold() throws {
    let configuration = try WorkerConfiguration.fromEnvironment([:])
    #expect(configuration.coordinatorURLs.map(\.absoluteString) == ["http://127.0.0.1:8080"])
    #expect(configuration.host == "127.0.0.1")
    #expect(configuration.port == 8081)
    #expect(configuration.gracePeriod == 110)
    #expect(configuration.pollInterval == 5)
    #expect(configuration.jobProcessingSeconds == 10)
    #expect(configuration.spotWatcherEnabled)
    #expect(configuration.allowSimulateInterruption)
    #expect(configuration.execAllow.isEmpty)
    #expect(configuration.slots >= 1)
    #expect(configuration.scratchFolder == "/tmp")
  }

  @Test func everySettingIsRead() throws {
    let configuration = try WorkerConfiguration.fromEnvironment([
      "COORDINATOR_URL": "http://one:1, https://two", "BATON_TOKEN": "t", "WORKER_NAME": "n", "WORKER_SLOTS": "3",
      "WORKER_PREFETCH": "5", "WORKER_QUEUES": "a, b", "WORKER_KINDS": "steps,noop",
      "WORKER_CAPACITY_TYPE": "on_demand",
      "EXEC_ALLOW": "python3,sh", "SPOT_WATCHER_ENABLED": "false", "IMDS_URL": "http://127.0.0.1:1338",
      "POLL_INTERVAL_SECONDS": "0.5", "GRACE_PERIOD_SECONDS": "2", "JOB_PROCESSING_SECONDS": "0.1",
      "CHECKPOINT_RESERVE_SECONDS": "1.5", "ALLOW_SIMULATE_INTERRUPTION": "false", "EXIT_WITH_PARENT": "true",
      "HOST": "0.0.0.0", "PORT": "0", "LOG_LEVEL": "debug", "LOG_FORMAT": "json", "TMPDIR": "/var/tmp/",
    ])
    #expect(configuration.coordinatorURLs.map(\.absoluteString) == ["http://one:1", "https://two"])
    #expect(configuration.token == "t")
    #expect(configuration.name == "n")
    #expect(configuration.slots == 3)
    #expect(configuration.prefetch == 5)
    #expect(configuration.queues == ["a", "b"])
    #expect(configuration.kinds == ["steps", "noop"])
    #expect(configuration.capacityType == .onDemand)
    #expect(configuration.execAllow == ["python3", "sh"])
    #expect(!configuration.spotWatcherEnabled)
    #expect(configuration.imdsURL == "http://127.0.0.1:1338")
    #expect(configuration.pollInterval == 0.5)
    #expect(configuration.gracePeriod == 2)
    #expect(configuration.jobProcessingSeconds == 0.1)
    #expect(configuration.checkpointReserve == 1.5)
    #expect(!configuration.allowSimulateInterruption)
    #expect(configuration.exitWithParent)
    #expect(configuration.host == "0.0.0.0")
    #expect(configuration.port == 0)
    #expect(configuration.logLevel == .debug)
    #expect(configuration.logFormat == .json)
    #expect(configuration.scratchFolder == "/var/tmp")
  }

  @Test func allThatIsWrongIsToldAtOnce() throws {
    let error = try #require(throws: SettingsError.self) {
      try WorkerConfiguration.fromEnvironment([
        "COORDINATOR_URL": "nonsense", "WORKER_SLOTS": "0", "WORKER_QUEUES": "a b", "GRACE_PERIOD_SECONDS": "soon",
      ])
    }
    #expect(
      error.problems.map(\.name) == ["COORDINATOR_URL", "WORKER_SLOTS", "WORKER_QUEUES", "GRACE_PERIOD_SECONDS"])
  }

  @Test func aKindWithoutAHandlerIsRefusedAtTheStart() throws {
    var configuration = WorkerConfiguration()
    configuration.kinds = ["exec"]
    #expect(throws: SettingsError.self) { try Worker.standard(configuration: configuration) }
    configuration.execAllow = ["sh"]
    #expect(throws: Never.self) { try Worker.standard(configuration: configuration) }
  }

  @Test func idsAreNamesAndNeverTheSame() {
    for name in ["host", "", "-.-", "a b/c", String(repeating: "x", count: 500), "Büro"] {
      let ids = (0..<100).map { _ in WorkerID.make(name: name) }
      #expect(ids.allSatisfy(Names.isValid), "\(ids[0])")
      #expect(Set(ids).count == 100)
    }
  }
}
