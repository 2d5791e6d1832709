import AsyncHTTPClient
import BatonShared
import BatonTLS
import BatonTelemetry
import BatonThreads
import Logging
import Metrics
import ServiceLifecycle

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A worker: leases jobs from the coordinator, runs them with its handlers, and hands them back when it has to go.
///
/// ```swift
/// let words = ClosureHandler("count_words") { job in
///   try job.decode(Text.self).text.split(separator: " ").count
/// }
/// try await Worker(configuration: .fromEnvironment(), handlers: [words]).run()
/// ```
///
/// ``run()`` returns when the worker has drained: after SIGTERM or SIGINT, `POST /drain`, the coordinator's word, or an
/// interruption notice.
public struct Worker: Service {
  /// The most threads for handlers.
  private static let maximumThreads = 512

  /// Unique to this start of this process.
  public let id: String
  private let configuration: WorkerConfiguration
  private let handlers: [any JobHandler]
  private let logger: Logger
  private let handlesSignals: Bool
  private let groups: ProcessGroups
  private let forceExit: @Sendable () -> Void
  let boundPort = Watched<Int?>(nil)
  let drain: DrainController
  let metrics: WorkerMetrics
  let table: LeaseTable

  /// Makes a worker.
  ///
  /// - Parameters:
  ///   - configuration: Its settings.
  ///   - handlers: What runs the jobs, one a kind; ``StandardHandlers`` has those of the `worker` command.
  ///   - logger: Where it says what it does; by default standard error, as configured.
  ///   - handlesSignals: Whether it drains on SIGTERM and SIGINT itself. Within a service group that does, say false;
  ///     the group's graceful shutdown begins the drain then.
  /// - Throws: `SettingsError` when a kind is wanted that has no handler, or two handlers are of one kind.
  public init(
    configuration: WorkerConfiguration, handlers: [any JobHandler], logger: Logger? = nil, handlesSignals: Bool = true
  ) throws {
    try self.init(
      configuration: configuration, handlers: handlers, logger: logger, handlesSignals: handlesSignals,
      groups: ProcessGroups(), forceExit: { _exit(1) })
  }

  /// Makes a worker with the handlers of the `worker` command: `exec` (where allowed), `steps`, `sleep` and `noop`.
  ///
  /// - Parameters:
  ///   - configuration: Its settings.
  ///   - logger: Where it says what it does; by default standard error, as configured.
  ///   - handlesSignals: As for ``init(configuration:handlers:logger:handlesSignals:)``.
  ///   - adoptsOrphans: On Linux, makes this process the parent of whatever its jobs' programs leave behind, so that
  ///     all of it is found and ended. It holds for the whole process and is not undone. Only for a process that starts
  ///     no other programs from now on: it would take them for a job's, and end them. False by default; the `worker`
  ///     command says true.
  /// - Throws: `SettingsError` when a kind is wanted that has no handler.
  public static func standard(
    configuration: WorkerConfiguration, logger: Logger? = nil, handlesSignals: Bool = true, adoptsOrphans: Bool = false
  ) throws -> Worker {
    let groups = ProcessGroups(adoption: adoptsOrphans ? .begin() : nil)
    return try Worker(
      configuration: configuration, handlers: StandardHandlers.all(for: configuration, groups: groups),
      logger: logger, handlesSignals: handlesSignals, groups: groups, forceExit: { _exit(1) })
  }

  init(
    configuration: WorkerConfiguration, handlers: [any JobHandler], logger: Logger?, handlesSignals: Bool,
    groups: ProcessGroups, forceExit: @escaping @Sendable () -> Void
  ) throws {
    self.id = WorkerID.make(name: configuration.name)
    self.configuration = configuration
    self.handlers = handlers
    var logger =
      logger
      ?? BatonLogging.logger(label: "worker", level: configuration.logLevel, format: configuration.logFormat)
    logger[metadataKey: "worker"] = "\(id)"
    self.logger = logger
    self.handlesSignals = handlesSignals
    self.groups = groups
    self.forceExit = {
      groups.killAll()
      forceExit()
    }
    metrics = WorkerMetrics(registry: PrometheusRegistry())
    table = LeaseTable(
      slots: configuration.slots,
      prefetch: Prefetch(
        limit: configuration.prefetch, horizon: configuration.prefetchHorizon,
        patience: configuration.prefetchPatience),
      metrics: metrics)
    drain = DrainController(settings: configuration.interruptionSettings, metrics: metrics, logger: logger)
    try Self.check(configuration, handlers)
  }

  private static func check(_ configuration: WorkerConfiguration, _ handlers: [any JobHandler]) throws {
    var known: Set<String> = []
    for handler in handlers where !known.insert(handler.kind).inserted {
      throw SettingsError("WORKER_KINDS", expected: "one handler for each kind, '\(handler.kind)' has two")
    }
    for case let handler as ExecHandler in handlers {
      try handler.allowance.check()
      try handler.conditions.check(scratchParent: handler.scratchParent)
    }
    for kind in configuration.kinds where !known.contains(kind) {
      let hint = kind == "exec" ? " (EXEC_ALLOW is empty, which turns it off)" : ""
      throw SettingsError("WORKER_KINDS", expected: "kinds that have a handler, '\(kind)' has none\(hint)")
    }
  }

  /// Works until it has drained.
  /// - Throws: An error when it cannot work at all, such as a port that is in use.
  @concurrent public func run() async throws {
    // Not on the caller's actor, the main one as a rule: at its end this may block, until what jobs have left is gone.
    let authorities = try TrustedAuthorities(optionalFile: configuration.authoritiesFile)
    let connections = CoordinatorConnections()
    let http = CoordinatorClient.makeHTTPClient(trusting: authorities, connections: connections)
    let imdsHTTP = MetadataHTTP.makeClient()
    let outcome: Result<Void, any Error>
    do {
      outcome = .success(try await services(http: http, connections: connections, imdsHTTP: imdsHTTP).run())
    } catch {
      outcome = .failure(error)
    }
    groups.killAll()
    try? await http.shutdown()
    try? await imdsHTTP.shutdown()
    try outcome.get()
    logger.info("drained; goodbye")
  }

  /// Everything long-lived, in the order of the start; it stops the other way around. The agent loop is the first to
  /// stop and takes its time; the heartbeats, the settlements and `/ready` go on until it is done.
  private func services(
    http: HTTPClient, connections: CoordinatorConnections, imdsHTTP: HTTPClient
  ) -> ServiceGroup {
    let kinds = configuration.kinds.isEmpty ? handlers.map(\.kind).sorted() : configuration.kinds
    let client = CoordinatorClient(
      client: http, connections: connections, addresses: configuration.coordinatorURLs, token: configuration.token,
      logger: logger)
    let registrar = Registrar(
      workerID: id,
      registration: WorkerRegistration(
        hostname: configuration.name, capacityType: configuration.capacityType ?? .unknown,
        queues: configuration.queues, kinds: kinds, slots: configuration.slots, version: Self.version),
      client: client, logger: logger)
    metrics.slots(configuration.slots)
    let roundTrips = RoundTrips()
    let keeper = LeaseKeeper(
      client: client, table: table, registrar: registrar, drain: drain, roundTrips: roundTrips, metrics: metrics,
      logger: logger)
    let settlements = SettlementSender(client: client, roundTrips: roundTrips, logger: logger)
    let reporter = JobReporter(
      settlements: settlements, table: table, drain: drain, metrics: metrics, logger: logger)
    let agent = AgentLoop(
      workerID: id, queues: configuration.queues, kinds: kinds, client: client, registrar: registrar, table: table,
      keeper: keeper, reporter: reporter, drain: drain,
      runner: JobRunner(
        handlers: Dictionary(uniqueKeysWithValues: handlers.map { ($0.kind, $0) }),
        executor: ThreadExecutor(name: "jobs", threads: min(configuration.slots + 1, Self.maximumThreads)),
        client: client, reporter: reporter, table: table, drain: drain, metrics: metrics, logger: logger),
      conductor: DrainConductor(
        drain: drain, table: table, keeper: keeper, roundTrips: roundTrips,
        reserve: configuration.checkpointReserve, metrics: metrics, logger: logger),
      logger: logger)

    var services: [any Service] = [
      WorkerServer(
        configuration: configuration, workerID: id, drain: drain, registrar: registrar, table: table,
        metrics: metrics, forceExit: forceExit, boundPort: boundPort, logger: logger),
      keeper,
      settlements,
    ]
    if handlesSignals { services.append(SignalListener(drain: drain, logger: logger)) }
    if configuration.exitWithParent { services.append(ParentWatcher(drain: drain)) }
    for case let handler as ExecHandler in handlers { services += handler.housekeeping(logger: logger) }
    services.append(
      SoftStateKeeper(drain: drain, table: table, keeper: keeper, metrics: metrics, logger: logger))
    if configuration.spotWatcherEnabled, configuration.spotProvider != .none {
      services.append(InterruptionWatcher(source: spotSource(imdsHTTP, registrar)))
    }
    // At the level debug the group writes down the services with all that they hold, the token among it.
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .info)
    return ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: services.map { .init(service: $0) }
          + [.init(service: agent, successTerminationBehavior: .gracefullyShutdownGroup)],
        logger: quiet))
  }

  private func spotSource(_ http: HTTPClient, _ registrar: Registrar) -> ProviderSource {
    let override = configuration.capacityType
    return ProviderSource(
      provider: configuration.spotProvider, address: configuration.imdsURL, client: http,
      pollInterval: configuration.pollInterval, drain: drain,
      onIdentity: { identity in
        await registrar.update { registration in
          registration.instanceID = identity.instanceID
          registration.instanceType = identity.instanceType
          registration.availabilityZone = identity.availabilityZone
          registration.provider = identity.provider
          registration.capacityType = override ?? identity.capacityType
        }
      },
      reporter: AvailabilityReporter(metrics: metrics, logger: logger))
  }

  /// The version of this library.
  public static let version = BatonVersion.current
}
