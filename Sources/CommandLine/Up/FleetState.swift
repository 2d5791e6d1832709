/// What happens to a local fleet, and what is to be done about it, as a value: the decisions of `baton up`.
struct FleetState {
  enum Event: Equatable {
    case databaseReady
    case databaseFailed(String)
    /// The private database's server has ended.
    case databaseEnded
    case started(String, pid: Int32)
    case ready(String)
    case notReadyInTime(String)
    case exited(String, ChildEnding)
    case restartDue(String)
    /// Ctrl-C or a signal.
    case stopRequested
  }

  enum Action: Equatable {
    case startDatabase
    case start(String)
    case restart(String, after: Duration)
    case terminate(String)
    case kill(String)
    case announceReady
    case writeFleetFile
    case removeFleetFile
    case say(String, Style.Colour? = nil)
    /// All has ended but the database, which is to be stopped before the command ends with this status.
    case finish(Int32)
  }

  enum Stage: Equatable {
    case startingDatabase
    case startingCoordinator
    case startingWorkers
    case running
    case stoppingWorkers
    case stoppingCoordinator
    case finished
  }

  struct Program: Equatable {
    var pid: Int32?
    var isRunning = false
    var isReady = false
    /// How often in a row it ended without having been ready.
    var failures = 0
  }

  static let coordinator = "coordinator"
  static let hurriedStatus: Int32 = 130

  private(set) var stage = Stage.startingDatabase
  private(set) var programs: [String: Program] = [:]
  let workers: [String]
  private let restartsWorkers: Bool
  private var status: Int32 = 0
  private var isHurried = false

  init(workers: [String], restartsWorkers: Bool) {
    self.workers = workers
    self.restartsWorkers = restartsWorkers
    for name in [Self.coordinator] + workers { programs[name] = Program() }
  }

  /// The processes that run, with their ids.
  var processes: [(name: String, pid: Int32)] {
    ([Self.coordinator] + workers).compactMap { name in programs[name]?.pid.map { (name, $0) } }
  }

  /// What to do first.
  mutating func begin() -> [Action] { [.startDatabase] }

  mutating func handle(_ event: Event) -> [Action] {
    switch event {
    case .databaseReady: databaseReady()
    case .databaseFailed(let reason): fail(reason)
    case .databaseEnded: databaseEnded()
    case .started(let name, let pid): started(name, pid)
    case .ready(let name): ready(name)
    case .notReadyInTime(let name): notReadyInTime(name)
    case .exited(let name, let ending): exited(name, ending)
    case .restartDue(let name): restartDue(name)
    case .stopRequested: stopRequested()
    }
  }

  // MARK: Starting

  private mutating func databaseReady() -> [Action] {
    switch stage {
    case .startingDatabase:
      stage = .startingCoordinator
      return start(Self.coordinator)
    case .stoppingWorkers where programs[Self.coordinator]?.isRunning != true:
      return stopCoordinator()
    default: return []
    }
  }

  private mutating func databaseEnded() -> [Action] {
    guard stage != .stoppingCoordinator, stage != .finished else { return [] }
    return [.say("the private PostgreSQL server has ended, starting it again", .red), .startDatabase]
  }

  private mutating func start(_ name: String) -> [Action] {
    programs[name]?.isRunning = true
    programs[name]?.isReady = false
    return [.start(name)]
  }

  private mutating func started(_ name: String, _ pid: Int32) -> [Action] {
    programs[name]?.pid = pid
    return stage == .running ? [.writeFleetFile] : []
  }

  private mutating func ready(_ name: String) -> [Action] {
    let isRestart = (programs[name]?.failures ?? 0) > 0
    programs[name]?.isReady = true
    programs[name]?.failures = 0
    switch stage {
    case .startingCoordinator where name == Self.coordinator:
      stage = .startingWorkers
      guard !workers.isEmpty else { return nowRunning() }
      return workers.flatMap { start($0) }
    case .startingWorkers where workers.allSatisfy { programs[$0]?.isReady ?? false }:
      return nowRunning()
    default:
      return isRestart ? [.say("\(name) is ready again", .green)] : []
    }
  }

  private mutating func nowRunning() -> [Action] {
    stage = .running
    return [.writeFleetFile, .announceReady]
  }

  private mutating func notReadyInTime(_ name: String) -> [Action] {
    guard stage == .startingCoordinator || stage == .startingWorkers, programs[name]?.isReady != true else { return [] }
    return fail("\(name) did not get ready in time")
  }

  /// The fleet cannot be started.
  private mutating func fail(_ reason: String) -> [Action] {
    status = 1
    let report = Action.say(reason, .red)
    // Already stopping, but nothing that could end is running: it was the database that failed to start.
    if stage == .stoppingWorkers, programs.values.allSatisfy({ !$0.isRunning }) { return [report] + finish() }
    return [report] + (isStopping ? [] : stop())
  }

  // MARK: Ends

  private mutating func exited(_ name: String, _ ending: ChildEnding) -> [Action] {
    programs[name]?.isRunning = false
    programs[name]?.isReady = false
    programs[name]?.pid = nil
    switch stage {
    case .startingDatabase, .finished: return []
    case .startingCoordinator, .startingWorkers: return fail("\(name) \(ending)")
    case .running: return [.writeFleetFile] + lost(name, ending)
    case .stoppingWorkers:
      if name == Self.coordinator { return lost(name, ending) }
      let report: [Action] =
        ending.isSuccess || isHurried
        ? [.say("\(name) has stopped")] : [.say("\(name) \(ending)", .red)]
      return report + (waitingFor.isEmpty ? stopCoordinator() : [])
    case .stoppingCoordinator:
      guard name == Self.coordinator else { return [] }
      return (ending.isSuccess || isHurried ? [] : [.say("\(name) \(ending)", .red)]) + finish()
    }
  }

  /// A program ended that should not have.
  private mutating func lost(_ name: String, _ ending: ChildEnding) -> [Action] {
    let restarts = name == Self.coordinator ? !isHurried && status == 0 : restartsWorkers
    guard restarts else {
      // A worker that was told to drain leaves like that.
      return [.say("\(name) \(ending)", ending.isSuccess ? .yellow : .red)]
    }
    let failures = programs[name]?.failures ?? 0
    programs[name]?.failures = failures + 1
    let pause = Duration.milliseconds(min(15_000, 500 << min(failures, 5)))
    return [
      .say("\(name) \(ending), starting it again", ending.isSuccess ? .yellow : .red), .restart(name, after: pause),
    ]
  }

  private mutating func restartDue(_ name: String) -> [Action] {
    guard programs[name]?.isRunning == false else { return [] }
    switch stage {
    case .running: return start(name)
    // Workers that drain need it to hand back what they have.
    case .stoppingWorkers where name == Self.coordinator && !isHurried: return start(name)
    default: return []
    }
  }

  // MARK: Stopping

  private var isStopping: Bool { stage == .stoppingWorkers || stage == .stoppingCoordinator || stage == .finished }

  private var waitingFor: [String] { workers.filter { programs[$0]?.isRunning ?? false } }

  private mutating func stopRequested() -> [Action] {
    switch stage {
    case .startingDatabase, .startingCoordinator, .startingWorkers, .running:
      return stop()
    case .stoppingWorkers where !isHurried:
      isHurried = true
      return [.say("killing \(waitingFor.joined(separator: ", "))", .yellow)] + waitingFor.map { .kill($0) }
    case .stoppingWorkers, .stoppingCoordinator:
      isHurried = true
      return ([Self.coordinator] + workers).filter { programs[$0]?.isRunning ?? false }.map { .kill($0) }
    case .finished: return []
    }
  }

  private mutating func stop() -> [Action] {
    let wasStartingDatabase = stage == .startingDatabase
    stage = .stoppingWorkers
    // The database is stopped once it has started; there is nothing else to wait for.
    if wasStartingDatabase { return status == 0 ? [] : finish() }
    let workers = waitingFor
    guard !workers.isEmpty else { return [.removeFleetFile] + stopCoordinator() }
    return [
      .removeFleetFile,
      .say(
        "stopping: waiting for \(workers.joined(separator: ", ")) to finish or hand back what they run "
          + "(Ctrl-C again kills them)"),
    ] + workers.map { .terminate($0) }
  }

  private mutating func stopCoordinator() -> [Action] {
    stage = .stoppingCoordinator
    guard programs[Self.coordinator]?.isRunning ?? false else { return finish() }
    return [.say("stopping the coordinator"), .terminate(Self.coordinator)]
  }

  private mutating func finish() -> [Action] {
    stage = .finished
    return [.finish(status != 0 ? status : isHurried ? Self.hurriedStatus : 0)]
  }
}
