import BatonClient
import BatonJSON
import BatonMetadataDouble

/// One worker with the metadata service of its own machine, from its start to its end.
final class WorkerInstance: Sendable {
  let name: String
  let double: MetadataDouble
  let fleet: DrillFleet
  let recorder: HistoryRecorder
  /// Happens when the worker is ready for work: its process.
  let ready = Occurrence<DrillProcess?>()
  let ended = Occurrence<ProcessEnding>()
  /// The id that the coordinator knows it by.
  let registered = Occurrence<String>()
  /// The port of its own server.
  private let listening = Occurrence<Int>()

  init(name: String, double: MetadataDouble, fleet: DrillFleet, recorder: HistoryRecorder) {
    self.name = name
    self.double = double
    self.fleet = fleet
    self.recorder = recorder
  }

  /// Runs the worker to its end.
  func run(environment: [String: String]) async {
    recorder.record(.workerStarted(name))
    var variables = environment
    variables["WORKER_NAME"] = name
    variables["PORT"] = "0"
    let process: DrillProcess
    do {
      process = try await fleet.start(name, fleet.programs.worker, environment: variables) { [self] in hear($0) }
    } catch {
      ready.happen(nil)
      let ending = ProcessEnding.notStarted("\(error)")
      recorder.record(.workerEnded(name, ending))
      return ended.happen(ending)
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [self] in
        guard await registered.wait() != nil, await listening.wait() != nil else { return }
        recorder.record(.workerReady(name))
        ready.happen(process)
      }
      let ending = await process.ended.wait() ?? .notStarted("the drill has ended")
      group.cancelAll()
      recorder.record(.workerEnded(name, ending))
      ready.happen(nil)
      ended.happen(ending)
    }
  }

  // MARK: What is done to it

  /// `POST /simulate/interruption` at the worker itself.
  func simulate(seconds: Double) async throws {
    guard let port = listening.value else { return }
    var body = JSONWriter()
    body.object { writer in
      writer.field("action", "terminate")
      writer.field("seconds", seconds)
    }
    let request = APIRequest<Void>(.post, "/simulate/interruption", body: body.bytes) { _ in }
    let configuration = BatonClient.Configuration(address: "http://127.0.0.1:\(port)", connections: 1)
    try await BatonClient.with(configuration) { client in try await client.send(request) }
  }

  /// SIGKILL, to the worker and its programs.
  func kill(isOverdue: Bool) {
    guard let process = ready.value ?? nil, ended.value == nil else { return }
    // Before the signal: what is recorded as done after this moment was done by the dead.
    recorder.record(.killed(worker: name, isOverdue: isOverdue))
    process.signal(Signals.kill, withPrograms: true)
  }

  func suspend(seconds: Double) async {
    guard let process = ready.value ?? nil else { return }
    recorder.record(.suspended(worker: name))
    process.signal(Signals.stop, withPrograms: true)
    try? await Task.sleep(for: .seconds(seconds))
    recorder.record(.resumed(worker: name))
    process.signal(Signals.resume, withPrograms: true)
  }

  // MARK: What it says

  private func hear(_ text: String) {
    guard let line = LogLine(text) else { return }
    switch line.message {
    case "listening": if let port = line.fields["port"].flatMap({ Int($0) }) { listening.happen(port) }
    case "registered with the coordinator": if let id = line.fields["worker"] { registered.happen(id) }
    default:
      if let event = WorkerWords.event(line, worker: name, origin: recorder.origin) { recorder.record(event) }
    }
  }
}
