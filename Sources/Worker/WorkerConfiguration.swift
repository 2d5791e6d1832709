import BatonShared
import BatonTelemetry
import Logging

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Everything about a worker that can be set.
public struct WorkerConfiguration: Sendable {
  /// Where the coordinator is; with several, the next one is used when one does not answer.
  public var coordinatorURLs = [URL(string: "http://127.0.0.1:8080")!]
  /// What the worker shows to the coordinator, and what its own server asks for when it does not listen on loopback.
  public var token: String?
  /// The certificate authorities to trust at `https://` addresses instead of the system's: a file in PEM form.
  public var authoritiesFile: String?
  /// The first part of the worker's id; a random part follows. By default the host's name.
  public var name: String
  /// How many jobs run at once.
  public var slots: Int
  /// The most leases that are held beyond the slots while jobs are short, so that the next job is here when one ends; 0
  /// for none.
  public var prefetch = 3000
  /// See ``Prefetch``; for tests.
  var prefetchHorizon = 0.25
  var prefetchPatience = Duration.seconds(1)
  /// See ``ExecHandler``; for tests. The room is in bytes.
  var transferRoom = 64 << 20
  var folderRemovalTime = Duration.milliseconds(250)
  /// How the worker's own server treats its clients; for tests.
  var serverLimits = WorkerServer.Limits()
  /// The queues it takes jobs from.
  public var queues = ["default"]
  /// The kinds it takes; empty for all that it has handlers for.
  public var kinds: [String] = []
  /// What the instance is; nil to believe the instance metadata.
  public var capacityType: CapacityType?
  /// Programs that jobs of the kind `exec` may run: `*` for all, or names and absolute paths; none turns the kind off.
  public var execAllow: [String] = []
  /// Whom those programs run as; nil for the worker's own user. On Linux only, and the worker has to be root or to have
  /// the capabilities for it.
  public var execUser: ExecUser?
  /// Which variables of ``environment`` those programs get: names, or with `*` at the end how names begin. `PATH` and a
  /// few more they always get, `BATON_TOKEN` never.
  public var execEnvironment = ["*"]
  /// What those programs may use. On Linux only.
  public var execLimits = ExecLimits()
  /// Whether to look for notices of spot interruptions.
  public var spotWatcherEnabled = true
  /// The cloud that the machine runs in.
  public var spotProvider = SpotProvider.auto
  /// The instance metadata service; nil for its usual address. With it, ``SpotProvider/auto`` means EC2.
  public var imdsURL: String?
  /// How often to look for notices, in seconds.
  public var pollInterval = 5.0
  /// How long a drain may last that has no time of its own, in seconds.
  public var gracePeriod = 110.0
  /// What follows from a notice that a spot instance is taken back.
  public var onSpotNotice = InterruptionReaction.drain
  /// What follows from a recommendation to rebalance.
  public var onRebalance = InterruptionReaction.soft
  /// What follows when the group of instances lets this one go.
  public var onLifecycleState = InterruptionReaction.drain
  /// What follows from scheduled maintenance of the machine, once it is near.
  public var onScheduledMaintenance = InterruptionReaction.drain
  /// How near maintenance has to be before anything follows, in seconds.
  public var maintenanceLead = 600.0
  /// How long the soft state lasts if nothing follows, in seconds.
  public var rebalanceExpiry = 1200.0
  /// In the soft state, kinds whose jobs usually run longer than this are not taken, in seconds.
  public var softMaxJob = 120.0
  /// What is kept at the end of a drain for saving checkpoints, in seconds; less if the drain is short.
  public var checkpointReserve = 5.0
  /// How long a `sleep` job takes that does not say, in seconds.
  public var jobProcessingSeconds = 10.0
  /// Whether `POST /simulate/interruption` works.
  public var allowSimulateInterruption = true
  /// Whether to drain when standard input ends, which is when the parent process has gone.
  public var exitWithParent = false
  /// Where the worker's own server listens.
  public var host = "127.0.0.1"
  /// The port of the worker's own server; 0 for any that is free.
  public var port = 8081
  /// The least important level that is logged.
  public var logLevel = Logger.Level.info
  /// What a log line looks like.
  public var logFormat = LogFormat.text
  /// Where the jobs' folders are made.
  public var scratchFolder: String
  /// The environment that programs of jobs inherit, as far as ``execEnvironment`` lets it pass.
  public var environment: [String: String]

  /// The defaults.
  ///
  /// - Parameter environment: The process's own; `PATH` and `TMPDIR` matter, and programs of jobs inherit all of it.
  public init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    self.environment = environment
    name = ProcessInfo.processInfo.hostName
    slots = max(1, ProcessInfo.processInfo.activeProcessorCount)
    var folder = environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
    while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
    scratchFolder = folder
  }
}
