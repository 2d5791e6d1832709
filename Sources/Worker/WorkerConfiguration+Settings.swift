import BatonShared
import BatonTelemetry

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension WorkerConfiguration {
  /// Reads the configuration from the environment.
  /// - Throws: `SettingsError` with everything that is wrong.
  public static func fromEnvironment(
    _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> WorkerConfiguration {
    try read(SettingsReader(environment: environment), environment: environment)
  }

  /// Reads the configuration from flags and the environment.
  ///
  /// - Parameters:
  ///   - settings: Where the values come from.
  ///   - environment: The process's own, which programs of jobs inherit.
  /// - Throws: `SettingsError` with everything that is wrong.
  public static func read(
    _ settings: SettingsReader, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> WorkerConfiguration {
    try settings.collect { settings in
      var configuration = WorkerConfiguration(environment: environment)
      try configuration.readConnection(settings)
      try configuration.readWork(settings)
      try configuration.readToken(settings)
      try configuration.readInterruptions(settings)
      configuration.logLevel = try settings.logLevel()
      configuration.logFormat = try settings.logFormat()
      return configuration
    }
  }

  private mutating func readConnection(_ settings: SettingsReader) throws {
    let addresses = coordinatorURLs
    coordinatorURLs =
      try settings.value("COORDINATOR_URL", expected: "one or more URLs http://… or https://…, separated by commas") {
        Self.urls($0)
      } ?? addresses
    authoritiesFile = try settings.stringOrNil("BATON_CA_FILE")
    host = try settings.string("HOST", default: host)
    port = try settings.int("PORT", default: port, in: 0...65_535)
  }

  /// After ``execUser``, from whom the file has to be hidden.
  private mutating func readToken(_ settings: SettingsReader) throws {
    token = try settings.stringOrNil("BATON_TOKEN", secret: true)
    let (isGiven, user) = (token != nil, execUser)
    var expected = "nothing beside BATON_TOKEN: one of them is enough"
    let fromFile = try settings.value("BATON_TOKEN_FILE", expected: expected) { path -> String? in
      if isGiven { return nil }
      do throws(TokenFile.Refusal) {
        return try TokenFile.read(path, hiddenFrom: user)
      } catch {
        expected = error.expected
        return nil
      }
    }
    token = fromFile ?? token
  }

  private mutating func readWork(_ settings: SettingsReader) throws {
    name = try settings.string("WORKER_NAME", default: name)
    slots = try settings.int("WORKER_SLOTS", default: slots, in: 1...10_000)
    prefetch = try settings.int("WORKER_PREFETCH", default: prefetch, in: 0...10_000)
    queues = try names("WORKER_QUEUES", default: queues, settings)
    kinds = try names("WORKER_KINDS", default: kinds, settings)
    capacityType = try settings.choiceOrNil("WORKER_CAPACITY_TYPE", aliases: ["on-demand": .onDemand])
    try readPrograms(settings)
    jobProcessingSeconds = try settings.seconds(
      "JOB_PROCESSING_SECONDS", default: jobProcessingSeconds, in: 0...31_536_000)
    exitWithParent = try settings.bool("EXIT_WITH_PARENT", default: exitWithParent)
  }

  private mutating func readPrograms(_ settings: SettingsReader) throws {
    execAllow =
      try settings.value("EXEC_ALLOW", expected: ExecAllowance.expected) { text in
        let entries = text.split(separator: ",").map { $0.trimmingSpaces }.filter { !$0.isEmpty }
        return entries.allSatisfy(ExecAllowance.isValid) ? entries : nil
      } ?? []
    execUser = try settings.value(
      "EXEC_USER", expected: "a user of this machine, or uid:gid, and not root", parse: ExecUser.init)
    execEnvironment =
      try settings.value(
        "EXEC_ENVIRONMENT",
        expected: "'*', or names of variables separated by commas, such as LANG,AWS_*; BATON_TOKEN is never passed on"
      ) { text in
        let entries = text.split(separator: ",").map { $0.trimmingSpaces }.filter { !$0.isEmpty }
        return entries.isEmpty || !entries.allSatisfy(PassedVariables.isValid) ? nil : entries
      } ?? execEnvironment
    execLimits.memoryBytes = try settings.intOrNil("EXEC_MAX_MEMORY_BYTES", in: 16_777_216...Int.max)
    execLimits.fileBytes = try settings.intOrNil("EXEC_MAX_FILE_BYTES", in: 1...Int.max)
    execLimits.coreBytes = try settings.intOrNil("EXEC_MAX_CORE_BYTES")
    execLimits.openFiles = try settings.intOrNil("EXEC_MAX_OPEN_FILES", in: 16...1_048_576)
    execLimits.processes = try settings.intOrNil("EXEC_MAX_PROCESSES", in: 1...4_194_304)
    execLimits.processorSeconds = try settings.intOrNil("EXEC_MAX_CPU_SECONDS", in: 1...31_536_000)
    execLimits.nice = try settings.intOrNil("EXEC_NICE", in: 0...19)
  }

  private mutating func readInterruptions(_ settings: SettingsReader) throws {
    spotWatcherEnabled = try settings.bool("SPOT_WATCHER_ENABLED", default: spotWatcherEnabled)
    spotProvider = try settings.choice("SPOT_PROVIDER", default: spotProvider)
    imdsURL = try settings.urlOrNil("IMDS_URL")?.absoluteString ?? imdsURL
    pollInterval = try settings.seconds("POLL_INTERVAL_SECONDS", default: pollInterval, in: 0.05...3600)
    gracePeriod = try settings.seconds("GRACE_PERIOD_SECONDS", default: gracePeriod, in: 0...604_800)
    onSpotNotice = try settings.choice("ON_SPOT_NOTICE", default: onSpotNotice)
    onRebalance = try settings.choice("ON_REBALANCE", default: onRebalance)
    onLifecycleState = try settings.choice("ON_LIFECYCLE_STATE", default: onLifecycleState)
    onScheduledMaintenance = try settings.choice("ON_SCHEDULED_MAINTENANCE", default: onScheduledMaintenance)
    maintenanceLead = try settings.seconds("MAINTENANCE_LEAD_SECONDS", default: maintenanceLead, in: 0...2_592_000)
    rebalanceExpiry = try settings.seconds("REBALANCE_EXPIRY_SECONDS", default: rebalanceExpiry, in: 1...604_800)
    softMaxJob = try settings.seconds("SOFT_MAX_JOB_SECONDS", default: softMaxJob, in: 0...604_800)
    checkpointReserve = try settings.seconds(
      "CHECKPOINT_RESERVE_SECONDS", default: checkpointReserve, in: 0...86_400)
    allowSimulateInterruption = try settings.bool(
      "ALLOW_SIMULATE_INTERRUPTION", default: allowSimulateInterruption)
  }

  private func names(_ name: String, default: [String], _ settings: SettingsReader) throws -> [String] {
    try settings.value(name, expected: "names separated by commas, each \(Names.expected)") { text in
      let names = text.split(separator: ",").map { $0.trimmingSpaces }.filter { !$0.isEmpty }
      return names.isEmpty || !names.allSatisfy(Names.isValid) ? nil : names
    } ?? `default`
  }

  private static func urls(_ text: String) -> [URL]? {
    let urls = text.split(separator: ",").map { URL(string: $0.trimmingSpaces) }
    let good = urls.compactMap { url in
      url.flatMap { ["http", "https"].contains($0.scheme?.lowercased()) && $0.host()?.isEmpty == false ? $0 : nil }
    }
    return good.isEmpty || good.count != urls.count ? nil : good
  }
}

extension Substring {
  fileprivate var trimmingSpaces: String {
    String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}
