import ArgumentParser
import BatonTelemetry
import BatonWorker
import Foundation

/// `worker`: runs jobs of the kinds `exec`, `steps`, `sleep` and `noop`.
@main
struct WorkerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker",
    abstract: "Leases jobs from a coordinator, runs them, and hands them back when its instance goes away.",
    discussion: """
      Every setting is also an environment variable: --grace-period-seconds is GRACE_PERIOD_SECONDS. Without any, it \
      works for the coordinator at http://127.0.0.1:8080 and has its own small server at 127.0.0.1:8081.
      """,
    version: Worker.version)

  @Option(help: "Where the coordinator is; several, separated by commas. [COORDINATOR_URL, http://127.0.0.1:8080]")
  var coordinatorURL: String?
  @Option(help: "Certificate authorities to trust, PEM. [BATON_CA_FILE, the system's]")
  var batonCAFile: String?
  @Option(help: "A file with the worker's token, which other users must not be able to read. [BATON_TOKEN_FILE]")
  var batonTokenFile: String?
  @Option(help: "First part of the worker's id. [WORKER_NAME, the host's name]")
  var workerName: String?
  @Option(help: "How many jobs run at once. [WORKER_SLOTS, the number of cores]")
  var workerSlots: String?
  @Option(help: "The most leases held beyond the slots while jobs are short. [WORKER_PREFETCH, 3000]")
  var workerPrefetch: String?
  @Option(help: "Queues to take jobs from, separated by commas. [WORKER_QUEUES, default]")
  var workerQueues: String?
  @Option(help: "Kinds of job to take, separated by commas. [WORKER_KINDS, all]")
  var workerKinds: String?
  @Option(help: "spot, on_demand or unknown. [WORKER_CAPACITY_TYPE, what the instance metadata says]")
  var workerCapacityType: String?
  @Option(help: "Programs that 'exec' jobs may run: '*', or names and absolute paths. [EXEC_ALLOW, none]")
  var execAllow: String?
  @Option(help: "Whom they run as: a user, or uid:gid. [EXEC_USER, the worker's own user]")
  var execUser: String?
  @Option(help: "Variables they get of the worker's: '*', or names separated by commas. [EXEC_ENVIRONMENT, *]")
  var execEnvironment: String?
  @Option(help: "Memory that each of their processes may map. [EXEC_MAX_MEMORY_BYTES]")
  var execMaxMemoryBytes: String?
  @Option(help: "The largest file that they may write. [EXEC_MAX_FILE_BYTES]")
  var execMaxFileBytes: String?
  @Option(help: "The largest core dump; 0 for none. [EXEC_MAX_CORE_BYTES]")
  var execMaxCoreBytes: String?
  @Option(help: "Files that each of their processes may have open. [EXEC_MAX_OPEN_FILES]")
  var execMaxOpenFiles: String?
  @Option(help: "Processes and threads of EXEC_USER, those of all jobs together. [EXEC_MAX_PROCESSES]")
  var execMaxProcesses: String?
  @Option(help: "How long each of their processes may compute. [EXEC_MAX_CPU_SECONDS]")
  var execMaxCPUSeconds: String?
  @Option(help: "How much they stand back when the processors are busy, 0 to 19. [EXEC_NICE, as the worker]")
  var execNice: String?
  @Option(help: "How long a 'sleep' job takes that does not say. [JOB_PROCESSING_SECONDS, 10]")
  var jobProcessingSeconds: String?
  @Option(help: "Whether to look for spot interruption notices. [SPOT_WATCHER_ENABLED, true]")
  var spotWatcherEnabled: String?
  @Option(help: "The cloud: auto, aws, gcp, azure or none. [SPOT_PROVIDER, auto]")
  var spotProvider: String?
  @Option(help: "The instance metadata service. [IMDS_URL, the provider's own]")
  var imdsURL: String?
  @Option(help: "How often to look for notices. [POLL_INTERVAL_SECONDS, 5]")
  var pollIntervalSeconds: String?
  @Option(help: "What follows from a spot notice: drain, soft or ignore. [ON_SPOT_NOTICE, drain]")
  var onSpotNotice: String?
  @Option(help: "What follows from a rebalance recommendation: drain, soft or ignore. [ON_REBALANCE, soft]")
  var onRebalance: String?
  @Option(help: "What follows when the group lets the instance go: drain, soft or ignore. [ON_LIFECYCLE_STATE, drain]")
  var onLifecycleState: String?
  @Option(help: "What follows from maintenance that is near: drain, soft or ignore. [ON_SCHEDULED_MAINTENANCE, drain]")
  var onScheduledMaintenance: String?
  @Option(help: "How near maintenance has to be. [MAINTENANCE_LEAD_SECONDS, 600]")
  var maintenanceLeadSeconds: String?
  @Option(help: "How long the soft state lasts if nothing follows. [REBALANCE_EXPIRY_SECONDS, 1200]")
  var rebalanceExpirySeconds: String?
  @Option(help: "In the soft state, kinds that usually run longer are not taken. [SOFT_MAX_JOB_SECONDS, 120]")
  var softMaxJobSeconds: String?
  @Option(help: "How long a drain may last that has no time of its own. [GRACE_PERIOD_SECONDS, 110]")
  var gracePeriodSeconds: String?
  @Option(help: "What is kept at the end of a drain for saving checkpoints. [CHECKPOINT_RESERVE_SECONDS, 5]")
  var checkpointReserveSeconds: String?
  @Option(help: "Whether POST /simulate/interruption works. [ALLOW_SIMULATE_INTERRUPTION, true]")
  var allowSimulateInterruption: String?
  @Option(help: "Drain when standard input ends. [EXIT_WITH_PARENT, false]")
  var exitWithParent: String?
  @Option(help: "Address of the worker's own server; beyond loopback, its POSTs need the token. [HOST, 127.0.0.1]")
  var host: String?
  @Option(help: "Port of the worker's own server; 0 for any. [PORT, 8081]")
  var port: String?
  @Option(help: "trace, debug, info, notice, warning, error or critical. [LOG_LEVEL, info]")
  var logLevel: String?
  @Option(help: "text or json. [LOG_FORMAT, text]")
  var logFormat: String?

  private var flags: [String: String?] {
    [
      "COORDINATOR_URL": coordinatorURL, "BATON_CA_FILE": batonCAFile, "BATON_TOKEN_FILE": batonTokenFile,
      "WORKER_NAME": workerName,
      "WORKER_SLOTS": workerSlots, "WORKER_PREFETCH": workerPrefetch,
      "WORKER_QUEUES": workerQueues, "WORKER_KINDS": workerKinds, "WORKER_CAPACITY_TYPE": workerCapacityType,
      "EXEC_ALLOW": execAllow, "EXEC_USER": execUser, "EXEC_ENVIRONMENT": execEnvironment,
      "EXEC_MAX_MEMORY_BYTES": execMaxMemoryBytes, "EXEC_MAX_FILE_BYTES": execMaxFileBytes,
      "EXEC_MAX_CORE_BYTES": execMaxCoreBytes, "EXEC_MAX_OPEN_FILES": execMaxOpenFiles,
      "EXEC_MAX_PROCESSES": execMaxProcesses, "EXEC_MAX_CPU_SECONDS": execMaxCPUSeconds, "EXEC_NICE": execNice,
      "JOB_PROCESSING_SECONDS": jobProcessingSeconds,
      "SPOT_WATCHER_ENABLED": spotWatcherEnabled, "SPOT_PROVIDER": spotProvider, "IMDS_URL": imdsURL,
      "ON_SPOT_NOTICE": onSpotNotice, "ON_REBALANCE": onRebalance, "ON_LIFECYCLE_STATE": onLifecycleState,
      "ON_SCHEDULED_MAINTENANCE": onScheduledMaintenance, "MAINTENANCE_LEAD_SECONDS": maintenanceLeadSeconds,
      "REBALANCE_EXPIRY_SECONDS": rebalanceExpirySeconds, "SOFT_MAX_JOB_SECONDS": softMaxJobSeconds,
      "POLL_INTERVAL_SECONDS": pollIntervalSeconds, "GRACE_PERIOD_SECONDS": gracePeriodSeconds,
      "CHECKPOINT_RESERVE_SECONDS": checkpointReserveSeconds,
      "ALLOW_SIMULATE_INTERRUPTION": allowSimulateInterruption, "EXIT_WITH_PARENT": exitWithParent, "HOST": host,
      "PORT": port, "LOG_LEVEL": logLevel, "LOG_FORMAT": logFormat,
    ]
  }

  func run() async throws {
    let configuration: WorkerConfiguration
    do {
      configuration = try .read(SettingsReader(flags: flags))
    } catch let error as SettingsError {
      throw ValidationError(error.description)
    }
    // Programs of jobs run as the same user, who may read this process's environment.
    ProcessSecrets.hide(variables: ["BATON_TOKEN"])
    try await Worker.standard(configuration: configuration, adoptsOrphans: true).run()
  }
}
