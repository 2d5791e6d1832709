import BatonClient
import BatonLocalPostgres
import Subprocess
import UnixSignals

/// Runs a local fleet: does what ``FleetState`` decides.
struct FleetSupervisor: Sendable {
  /// How long a program may take to get ready when the fleet starts.
  static let readinessLimit = Duration.seconds(60)

  let plan: FleetPlan
  let restartsWorkers: Bool
  /// The private server; nil when the fleet works on somebody else's.
  let postgres: LocalPostgres?
  /// The database's name on it.
  let database: String
  let databaseURL: String
  let fleetFile: String
  let log: MergedLog
  let banner: String

  /// - Returns: the exit status of the command, once everything has ended.
  func run() async throws -> Int32 {
    let (events, continuation) = AsyncStream.makeStream(of: FleetState.Event.self)
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
    var state = FleetState(workers: plan.workers.map(\.name), restartsWorkers: restartsWorkers)
    let status = await withDiscardingTaskGroup(returning: Int32.self) { group in
      group.addTask {
        var last: ContinuousClock.Instant?
        for await _ in signals {
          // `make` and `timeout` pass on what the terminal has sent already: that is one request, not two.
          if let last, ContinuousClock.now - last < .milliseconds(500) { continue }
          last = .now
          continuation.yield(.stopRequested)
        }
      }
      var channels: [String: AsyncStream<Signal>.Continuation] = [:]
      var status: Int32?
      func perform(_ actions: [FleetState.Action]) async {
        for action in actions {
          switch action {
          case .startDatabase: group.addTask { await startDatabase(continuation) }
          case .start(let name): channels[name] = start(name, in: &group, continuation)
          case .restart(let name, let pause):
            group.addTask {
              guard (try? await Task.sleep(for: pause)) != nil else { return }
              continuation.yield(.restartDue(name))
            }
          case .terminate(let name): channels[name]?.yield(.terminate)
          case .kill(let name): channels[name]?.yield(.kill)
          case .announceReady: await log.say(banner, .green)
          case .writeFleetFile: await saveFleetFile(state)
          case .removeFleetFile: FleetFile.remove(fleetFile)
          case .say(let text, let colour): await log.say(text, colour)
          case .finish(let code): status = code
          }
        }
      }
      await perform(state.begin())
      if status == nil {
        for await event in events {
          await perform(state.handle(event))
          if status != nil { break }
        }
      }
      group.cancelAll()
      if let postgres {
        await log.say("stopping PostgreSQL")
        // Before the group is left: a task in it waits for the server's end.
        await postgres.shutdown()
      }
      return status ?? 1
    }
    return status
  }

  private func startDatabase(_ events: AsyncStream<FleetState.Event>.Continuation) async {
    guard let postgres else {
      events.yield(.databaseReady)
      return
    }
    do {
      try await postgres.start()
      try await postgres.createDatabase(database)
      events.yield(.databaseReady)
      // Ends when the server does, so also at the orderly end, when nobody listens any more.
      await postgres.waitForExit()
      events.yield(.databaseEnded)
    } catch {
      events.yield(.databaseFailed("\(error)"))
    }
  }

  private func start(
    _ name: String, in group: inout DiscardingTaskGroup, _ events: AsyncStream<FleetState.Event>.Continuation
  ) -> AsyncStream<Signal>.Continuation? {
    guard let program = plan.programs.first(where: { $0.name == name }) else { return nil }
    let (signals, channel) = AsyncStream.makeStream(of: Signal.self)
    group.addTask {
      await withTaskGroup { group in
        group.addTask { await waitUntilReady(program, events) }
        let ending = await ChildProcess(program: program, log: log).run(signals: signals) { pid in
          events.yield(.started(name, pid: pid))
        }
        group.cancelAll()
        await group.waitForAll()
        events.yield(.exited(name, ending))
      }
    }
    return channel
  }

  private func waitUntilReady(
    _ program: FleetPlan.Program, _ events: AsyncStream<FleetState.Event>.Continuation
  ) async {
    let limit = ContinuousClock.now + Self.readinessLimit
    let configuration = BatonClient.Configuration(address: program.address, timeout: .seconds(2), connections: 1)
    try? await BatonClient.with(configuration) { client in
      var isLate = false
      while true {
        do {
          try await client.send(.ready())
          events.yield(.ready(program.name))
          return
        } catch {
          if !isLate, ContinuousClock.now > limit {
            isLate = true
            events.yield(.notReadyInTime(program.name))
          }
          // Nothing tells when a server begins to listen.
          try await Task.sleep(for: .milliseconds(50))
        }
      }
    }
  }

  private func saveFleetFile(_ state: FleetState) async {
    let processes = state.processes.map { name, pid in
      FleetFile.Process(name: name, pid: pid, url: plan.programs.first { $0.name == name }?.address ?? "")
    }
    let file = FleetFile(
      coordinatorURL: plan.coordinator.address, databaseURL: databaseURL, processes: processes)
    do {
      try file.save(to: fleetFile)
    } catch {
      await log.say(ExitStatus.of(error)?.message ?? "\(error)", .red)
    }
  }
}
