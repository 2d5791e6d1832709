import ArgumentParser
import BatonLocalPostgres
import BatonShared
import BatonTelemetry

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

struct UpCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "up", abstract: "Start a fleet on this machine: PostgreSQL, a coordinator and workers.",
    discussion: """
      Runs until Ctrl-C (or SIGTERM), which lets the workers finish or hand back what they run, then stops the \
      coordinator and PostgreSQL; a second Ctrl-C kills the workers. The data stay for the next `baton up`.

      The data folder is $XDG_DATA_HOME/baton or ~/.local/share/baton; for root it is always /var/lib/baton. It \
      holds the database and, while the fleet is ready, fleet.json with the addresses and process ids of its parts. \
      Only one fleet runs on a data folder.

      The coordinator and the workers listen on 127.0.0.1 only. They inherit the environment of `baton up`, so LOG_LEVEL \
      and other settings reach them; the workers may run any program (EXEC_ALLOW=*) and do not look for spot notices \
      (SPOT_WATCHER_ENABLED=false) unless the environment says otherwise. A coordinator that dies is started again; a \
      worker only with --restart-workers.

      Exits 0 after an orderly stop, 1 if the fleet could not be started, 130 after a second Ctrl-C.
      """)

  @Option(help: "How many workers (default: 3).")
  var workers: Int?

  @Option(help: "How many jobs a worker runs at once (default: one for each core).")
  var slots: Int?

  @Option(help: ArgumentHelp("The data folder, made if it is not there.", valueName: "folder"))
  var data: String?

  @Option(help: "The coordinator's port; 0 for any free one (default: 8080).")
  var port: Int?

  @Option(
    help: ArgumentHelp(
      "What the workers say they run on: spot, on_demand or unknown; several, separated by commas, are given to the "
        + "workers in turn (default: spot).", valueName: "types"))
  var capacity: String?

  @Option(
    name: [.customLong("lease-ttl-seconds")],
    help: ArgumentHelp("How long a lease lasts unless renewed (default: the coordinator's, 30).", valueName: "seconds"))
  var leaseSeconds: Double?

  @Option(
    name: [.customLong("grace-period-seconds")],
    help: ArgumentHelp("How long a worker may take to stop (default: the worker's, 110).", valueName: "seconds"))
  var graceSeconds: Double?

  @Option(
    name: .customLong("database-url"),
    help: ArgumentHelp("Work on this database instead of a private PostgreSQL server.", valueName: "url"))
  var databaseURL: String?

  @Flag(help: "Start workers again that have ended, as an Auto Scaling group would.")
  var restartWorkers = false

  func validate() throws { _ = try options() }

  /// - Throws: `ValidationError`.
  func options() throws -> FleetOptions {
    var options = FleetOptions()
    options.workers = workers ?? options.workers
    options.slots = slots
    options.leaseSeconds = leaseSeconds
    options.graceSeconds = graceSeconds
    options.restartsWorkers = restartWorkers
    guard (0...1000).contains(options.workers) else { throw ValidationError("--workers must be from 0 to 1000.") }
    guard slots.map({ (1...100_000).contains($0) }) ?? true else {
      throw ValidationError("--slots must be from 1 to 100000.")
    }
    guard port.map({ (0...65_535).contains($0) }) ?? true else {
      throw ValidationError("--port must be from 0 to 65535.")
    }
    guard leaseSeconds.map({ $0 > 0 }) ?? true else { throw ValidationError("--lease-ttl-seconds must be above 0.") }
    guard graceSeconds.map({ $0 >= 0 }) ?? true else {
      throw ValidationError("--grace-period-seconds must not be negative.")
    }
    if let capacity {
      options.capacities = try capacity.split(separator: ",", omittingEmptySubsequences: false).map { word in
        let word = word.filter { $0 != " " }
        guard let type = CapacityType(rawValue: word) else {
          throw ValidationError("--capacity: '\(word)' is none of spot, on_demand and unknown.")
        }
        return type
      }
    }
    return options
  }

  /// Where the data are when the user does not say.
  static func defaultFolder(_ environment: [String: String], isRoot: Bool) -> String {
    // PostgreSQL does not run as root, and its own account could not reach root's home.
    if isRoot { return "/var/lib/baton" }
    if let folder = environment["XDG_DATA_HOME"], folder.hasPrefix("/") { return folder + "/baton" }
    return (environment["HOME"] ?? "") + "/.local/share/baton"
  }

  func run() async throws {
    let surroundings = Surroundings()
    let options = try options()
    let folder = try folder(surroundings.environment)
    let lock = try FolderLock(folder + "/lock")
    defer { withExtendedLifetime(lock) {} }
    FleetFile.remove(folder + "/fleet.json")

    let locator = ProgramLocator(environment: surroundings.environment)
    let (coordinator, worker) = (try locator.path("coordinator"), try locator.path("worker"))
    let ports = try ports(options.workers)
    let postgres = try privateServer(folder)
    let database = "baton"
    let url: String
    if let postgres { url = await postgres.url(database: database) } else { url = databaseURL ?? "" }
    let plan = options.plan(
      environment: surroundings.environment, ports: ports, databaseURL: url, coordinator: coordinator, worker: worker)

    let log = MergedLog(surroundings.output, names: plan.programs.map(\.name))
    await log.say(
      postgres == nil ? "starting a fleet" : "starting a fleet with its data in \(folder)")
    let supervisor = FleetSupervisor(
      plan: plan, restartsWorkers: options.restartsWorkers, postgres: postgres, database: database, databaseURL: url,
      fleetFile: folder + "/fleet.json", log: log,
      banner: FleetBanner.text(plan, databaseURL: postgres == nil ? nil : url, folder: folder))
    let status = try await supervisor.run()
    FleetFile.remove(folder + "/fleet.json")
    if status != 0 { throw ExitCode(status) }
  }

  /// The data folder as an absolute path, made if it was not there.
  private func folder(_ environment: [String: String]) throws -> String {
    let given = data ?? Self.defaultFolder(environment, isRoot: getuid() == 0)
    var folder = given.hasPrefix("/") ? given : FileManager.default.currentDirectoryPath + "/" + given
    folder = URL(fileURLWithPath: folder).standardized.path
    do {
      // Root's must be open for the account that PostgreSQL then runs as; what lies in it is closed by itself.
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true,
        attributes: [.posixPermissions: getuid() == 0 ? 0o755 : 0o700])
    } catch {
      throw CommandFailure(ExitStatus.cannotCreate, "cannot make the data folder '\(folder)'; choose one with --data")
    }
    return folder
  }

  /// The coordinator's port and one for each worker.
  private func ports(_ workers: Int) throws -> [Int] {
    let wanted = port ?? 8080
    guard wanted == 0 || LoopbackPorts.isFree(wanted) else {
      throw CommandFailure(
        ExitStatus.negative, "port \(wanted) of 127.0.0.1 is in use; choose another with --port, or 0 for any free one")
    }
    guard let free = LoopbackPorts.free(workers + 1) else {
      throw CommandFailure(ExitStatus.negative, "there are not enough free ports on 127.0.0.1")
    }
    return [wanted == 0 ? free[0] : wanted] + free.dropFirst().map { $0 == wanted ? free[0] : $0 }
  }

  private func privateServer(_ folder: String) throws -> LocalPostgres? {
    guard databaseURL == nil else { return nil }
    do {
      return try LocalPostgres(
        dataDirectory: folder + "/postgres",
        logger: BatonLogging.logger(label: "postgres", level: .warning, format: .text))
    } catch {
      throw CommandFailure(ExitStatus.negative, error.description)
    }
  }
}

/// What `baton up` says when the fleet is ready.
enum FleetBanner {
  /// - Parameter databaseURL: The private server's; somebody else's is not shown, as it may hold a password.
  static func text(_ plan: FleetPlan, databaseURL: String?, folder: String) -> String {
    let address = plan.coordinator.address
    let types = CapacityType.allCases.filter { plan.capacities.contains($0) }.map(\.rawValue)
    let workers = "\(plan.workers.count) worker\(plan.workers.count == 1 ? "" : "s")"
    var rows: [(String, String)] = []
    if address != "http://127.0.0.1:8080" { rows.append(("first", "export COORDINATOR_URL=\(address)")) }
    rows.append(("submit", "baton submit steps --payload '{\"steps\":100,\"step_seconds\":0.1}' --wait"))
    rows.append(("look", "baton jobs, baton watch, baton workers"))
    if let databaseURL { rows.append(("psql", "psql '\(databaseURL)'")) }
    rows.append(("processes", "\(folder)/fleet.json"))
    rows.append(("stop", "Ctrl-C"))
    let lines = rows.map { "  " + DisplayText.padded($0.0, to: 10) + $0.1 }
    let kinds = types.isEmpty ? "" : " (\(types.joined(separator: ", ")))"
    return (["", "ready: coordinator at \(address), \(workers)\(kinds)"] + lines + [""]).joined(separator: "\n")
  }
}
