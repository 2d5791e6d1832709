import BatonPostgres
import BatonShared
import BatonTelemetry
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import UnixSignals

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A coordinator, put together: everything long-lived in the order in which it starts; it stops in the reverse order.
public struct Coordinator: Sendable {
  private let configuration: CoordinatorConfiguration
  private let access: AccessControl
  /// nil for plain HTTP.
  private let identity: TLSIdentity?
  private let logger: Logger
  private let pool: PostgresPool
  /// For the statements that are sent all the time.
  private let hotPool: PostgresPool
  /// For making jobs ready again.
  private let upkeepPool: PostgresPool
  private let core: CoordinatorCore
  private let sender: String

  /// - Parameters:
  ///   - onExit: Ends the process at once; called by `POST /shutdown`.
  /// - Throws: when it would serve strangers without being told so, or the file of tokens, the certificate or its key
  ///   cannot be used.
  public init(
    configuration: CoordinatorConfiguration, logger: Logger, onExit: @escaping @Sendable () -> Void
  ) throws {
    self.configuration = configuration
    self.logger = logger
    access = try AccessControl(path: configuration.tokensFile)
    if let certificate = configuration.tlsCertificateFile, let key = configuration.tlsKeyFile {
      identity = try TLSIdentity(certificatePath: certificate, keyPath: key)
    } else {
      identity = nil
    }
    if access.current.isOpen && !configuration.listensOnLoopbackOnly && !configuration.allowUnauthenticated {
      throw OpenToStrangersError(host: configuration.host)
    }
    var database = Self.database(configuration)
    // A listing that takes its time holds up no lease, no heartbeat and not the reaper, nor does a locked table that
    // holds up the reaper hold up more: all have connections of their own.
    let hotConnections = configuration.databaseConnections / 2
    upkeepPool = PostgresPool(configuration: database, size: 1, logger: logger)
    pool = PostgresPool(
      configuration: database, size: configuration.databaseConnections - hotConnections - 1, logger: logger)
    database.planning = .onceByIndex
    hotPool = PostgresPool(configuration: database, size: hotConnections, logger: logger)
    sender = UUID().lowercaseText
    core = CoordinatorCore(
      configuration: configuration, store: JobStore(database: pool, hot: hotPool, upkeep: upkeepPool, sender: sender),
      metrics: CoordinatorMetrics(registry: PrometheusRegistry()), lifecycle: Lifecycle(exit: onExit), logger: logger)
  }

  private static func database(_ configuration: CoordinatorConfiguration) -> PostgresConfiguration {
    var database = PostgresConfiguration(url: configuration.databaseURL ?? "")
    database.applicationName = "baton-coordinator"
    return database
  }

  /// Brings the database's schema up to date; two coordinators that start at once are fine. Of the settings, only the
  /// database's matter.
  /// - Returns: the versions that were applied.
  public static func migrate(_ configuration: CoordinatorConfiguration, logger: Logger) async throws -> [Int] {
    let connection = try await PostgresConnection.connect(database(configuration), logger: logger)
    do {
      let applied = try await PostgresMigrator(migrations: .baton).run(on: connection)
      await connection.close()
      return applied
    } catch {
      await connection.close()
      throw error
    }
  }

  /// Reads the files of tokens and certificates anew.
  var reloader: CredentialReloader { CredentialReloader(access: access, identity: identity, logger: logger) }

  var isReady: Bool { core.lifecycle.isMigrated }

  /// Serves until graceful shutdown.
  /// - Parameter onListening: Called with the port once requests are answered.
  public func run(
    gracefulShutdownSignals: [UnixSignal] = [], onListening: @escaping @Sendable (Int) -> Void = { _ in }
  ) async throws {
    let (events, continuation) = AsyncStream.makeStream(
      of: PostgresListener.Event.self, bufferingPolicy: .bufferingNewest(10_000))
    let listener = PostgresListener(
      configuration: pool.configuration, channels: [JobStore.jobsChannel, JobStore.workersChannel], logger: logger
    ) { continuation.yield($0) }
    let notifier = JobNotifier(sender: sender, dispatcher: core.dispatcher, registry: core.registry)

    tellWhatIsOpen()
    let services: [any Service] = [
      await reloader.service(), pool, hotPool, upkeepPool,
      SchemaMigrator(pool: pool, lifecycle: core.lifecycle, logger: logger),
      DatabaseWatch(store: core.store, lifecycle: core.lifecycle, logger: logger),
      BatcherService { [core] in try await core.enqueuer.run() },
      BatcherService { [core] in try await core.settler.run() },
      BatcherService { [core] in try await core.renewer.run() },
      BatcherService { [core] in try await core.pulses.run() },
      BatcherService { [core] in try await core.registry.recogniser.run() },
      core.announcer, core.dispatcher, listener,
      EventForwarder(events: events, handle: notifier.handle),
      LeaseReaper(
        store: core.store, wakes: core.wakes, metrics: core.metrics,
        graceAfterOutage: configuration.graceAfterOutage, lifecycle: core.lifecycle, logger: logger),
      core.scheduler,
      JobPruner(
        store: core.store, retentionSeconds: configuration.retentionSeconds, lifecycle: core.lifecycle, logger: logger),
      makeApplication(onListening: onListening),
      DrainGate(delaySeconds: configuration.shutdownDelaySeconds) { [core, logger] in
        logger.info("draining")
        core.beginDrain()
      },
    ]
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: services.map { ServiceGroupConfiguration.ServiceConfiguration(service: NamedService($0)) },
        gracefulShutdownSignals: gracefulShutdownSignals, logger: logger))
    try await group.run()
  }

  private func makeApplication(onListening: @escaping @Sendable (Int) -> Void) -> some ApplicationProtocol {
    return Application(
      router: makeRoutes().router,
      server: .http1(configuration.limits.channelConfiguration, securedBy: identity),
      configuration: ApplicationConfiguration(
        address: .hostname(configuration.host, port: configuration.port), serverName: "baton", backlog: 4096,
        availableConnectionsDelegate: .maximum(configuration.limits.maxConnections, logger: logger)),
      onServerRunning: { [logger] channel in
        let port = channel.localAddress?.port ?? 0
        logger.info("listening", metadata: ["address": "\(channel.localAddress?.description ?? "?")"])
        onListening(port)
      },
      logger: logger)
  }

  /// Beyond loopback, what is not protected is said once, so that nobody takes it for granted.
  private func tellWhatIsOpen() {
    guard !configuration.listensOnLoopbackOnly else { return }
    if access.current.isOpen {
      logger.warning("everybody who reaches this address may do everything: no token is asked for")
    }
    if identity == nil {
      logger.notice(
        "plain HTTP: tokens and payloads can be read on their way, unless a proxy or the network protects them")
    }
    if !configuration.metricsNeedToken {
      logger.notice("GET /metrics asks for no token; METRICS_NEED_TOKEN=true changes that")
    }
  }

  /// Every route that it serves, and who may take it.
  func makeRoutes() -> Routes {
    let router = Router(context: APIContext.self, options: [.autoGenerateHeadEndpoints])
    router.add(middleware: ProblemMiddleware(metrics: core.metrics, limits: configuration.limits))
    var routes = Routes(
      router: router, access: access, lifecycle: core.lifecycle, requestMemory: core.requestMemory)
    HealthRoutes(coordinator: core).add(to: &routes)
    JobRoutes(coordinator: core).add(to: &routes)
    OperationRoutes(coordinator: core).add(to: &routes)
    WorkerRoutes(coordinator: core).add(to: &routes)
    routes.refuseOtherMethods()
    return routes
  }
}

/// A coordinator that would let anybody on the network in.
public struct OpenToStrangersError: Error, CustomStringConvertible {
  let host: String

  public var description: String {
    """
    HOST (--host) is \(host): anybody who reaches this address could submit and take jobs. Give TOKENS_FILE \
    ('coordinator token' makes tokens), listen on 127.0.0.1, or say ALLOW_UNAUTHENTICATED=true.
    """
  }
}

/// The first to stop: tells everybody to go elsewhere while the listener still answers, so that a load balancer
/// notices before connections are refused.
private struct DrainGate: Service {
  let delaySeconds: Double
  let beginDrain: @Sendable () -> Void

  func run() async throws {
    try? await gracefulShutdown()
    beginDrain()
    try? await Task.sleep(for: .seconds(delaySeconds))
  }
}

/// Runs a batcher that is called by its own type, so that it is compiled for the items that it carries; as any service, it
/// would be the one for all types, which asks at each step what an item is.
private struct BatcherService: Service {
  let loop: @Sendable () async throws -> Void

  func run() async throws { try await loop() }
}

/// A service that goes by its type's name: the group's debug log would print everything that is inside of it.
private struct NamedService: Service, CustomStringConvertible {
  let service: any Service

  init(_ service: any Service) { self.service = service }

  var description: String { "\(type(of: service))" }

  func run() async throws { try await service.run() }
}

/// Passes events on, one after the other.
private struct EventForwarder<Event: Sendable>: Service {
  let events: AsyncStream<Event>
  let handle: @Sendable (Event) -> Void

  func run() async throws {
    for await event in events.cancelOnGracefulShutdown() { handle(event) }
  }
}
