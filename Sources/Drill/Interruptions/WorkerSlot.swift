import BatonClient
import BatonMetadataDouble
import Synchronization

/// A place in the fleet: there is always a worker in it, and things happen to it.
struct WorkerSlot: Sendable {
  let number: Int
  let plan: FatePlan
  let grace: Double
  let fleet: DrillFleet
  let recorder: HistoryRecorder
  let client: BatonClient
  /// The settings of every worker of the drill.
  let environment: [String: String]
  let faults: FaultCounter
  /// Until when faults happen.
  let end: ContinuousClock.Instant
  /// Happens when the workers are to go home.
  let over: Occurrence<Void>

  /// Runs workers until it is over and the last of them has ended.
  func run() async {
    await withDiscardingTaskGroup { group in
      var generation = 0
      var episode = 0
      while over.value == nil, !Task.isCancelled {
        generation += 1
        let instance = Occurrence<WorkerInstance>()
        let name = "w\(number)-\(generation)"
        group.addTask { await host(name, instance) }
        guard let instance = await instance.wait(), await instance.ready.wait().flatMap({ $0 }) != nil else {
          // It has ended before it was ready, which the checker finds; not again and again at once.
          await over.wait(seconds: 1)
          continue
        }
        while instance.ended.value == nil {
          let fate = plan.fate(slot: number, episode: episode)
          guard await waits(fate.wait, for: instance) else { break }
          episode += 1
          let survives = fate.fault.kind.effect == .none || fate.fault.kind.effect == .suspension
          if survives {
            await inflict(fate.fault, on: instance)
          } else {
            group.addTask { await inflict(fate.fault, on: instance) }
            await over.wait(seconds: fate.replacementDelay)
            break
          }
        }
      }
    }
  }

  /// Waits for the next fault.
  /// - Returns: Whether it is time; not if the worker has ended, or the drill is over.
  private func waits(_ seconds: Double, for instance: WorkerInstance) async -> Bool {
    let due = ContinuousClock.now + .seconds(seconds)
    if due < end {
      return await instance.ended.wait(seconds: seconds) == nil && !Task.isCancelled
    }
    // The last one in this place: it works until there is no more to do, and then it is told to stop.
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await over.wait() }
      group.addTask { await instance.ended.wait() }
      await group.next()
      group.cancelAll()
    }
    guard instance.ended.value == nil, !Task.isCancelled else { return false }
    await inflict(.terminate, on: instance, isEnd: true)
    return false
  }

  private func host(_ name: String, _ born: Occurrence<WorkerInstance>) async {
    var script = MetadataScript(provider: .aws)
    script.values["instance-id"] = "i-\(name)"
    script.lifecycleState = "InService"
    try? await MetadataDouble.with(script, seed: plan.seed) { double, address in
      let instance = WorkerInstance(name: name, double: double, fleet: fleet, recorder: recorder)
      born.happen(instance)
      await instance.run(environment: environment.merging(["IMDS_URL": address]) { $1 })
    }
  }

  // MARK: Faults

  /// - Parameter isEnd: Whether it is no fault but the end of the drill; it has the number 0.
  private func inflict(_ fault: WorkerFault, on instance: WorkerInstance, isEnd: Bool = false) async {
    let number = isEnd ? 0 : faults.next()
    func announce(_ seconds: Double?) {
      let deadline = seconds.map { recorder.now + $0 }
      recorder.record(.fault(number: number, fault.kind, worker: instance.name, deadline: deadline))
    }
    switch fault {
    case .notice(let action, let seconds):
      announce(seconds)
      instance.double.announce(action: action, seconds: seconds)
      await expectEnd(of: instance, within: seconds)
    case .rebalance(let sequel, let pause):
      if case .withdrawn = sequel { announce(nil) } else { announce(pause + (self.seconds(of: sequel))) }
      instance.double.update { $0.script.rebalance = true }
      await instance.ended.wait(seconds: pause)
      switch sequel {
      case .withdrawn: instance.double.update { $0.script.rebalance = false }
      case .lifecycle: instance.double.update { $0.script.lifecycleState = "Terminated" }
      case .notice(let seconds): instance.double.announce(seconds: seconds)
      }
      if sequel != .withdrawn { await expectEnd(of: instance, within: self.seconds(of: sequel)) }
    case .lifecycle:
      announce(grace + Self.hookMargin)
      instance.double.update { $0.script.lifecycleState = "Terminated" }
      await expectEnd(of: instance, within: grace + Self.hookMargin)
    case .simulated(let seconds):
      announce(seconds)
      try? await instance.simulate(seconds: seconds)
      await expectEnd(of: instance, within: seconds)
    case .drain:
      announce(grace + Self.hookMargin)
      if let id = instance.registered.value { try? await client.send(.drainWorker(id)) }
      await expectEnd(of: instance, within: grace + Self.hookMargin)
    case .terminate:
      announce(grace + Self.hookMargin)
      (instance.ready.value ?? nil)?.signal(Signals.terminate)
      await expectEnd(of: instance, within: grace + Self.hookMargin)
    case .kill:
      announce(nil)
      instance.kill(isOverdue: false)
      await instance.ended.wait()
    case .suspend(let seconds):
      announce(nil)
      await instance.suspend(seconds: seconds)
    }
  }

  /// What whoever ends a worker without naming a time gives it on top of its own grace period, in seconds: the lifecycle
  /// hook, systemd's TimeoutStopSec.
  static let hookMargin = 10.0

  private func seconds(of sequel: WorkerFault.Sequel) -> Double {
    switch sequel {
    case .withdrawn: 0
    case .lifecycle: grace + Self.hookMargin
    case .notice(let seconds): seconds
    }
  }

  /// When its time is over the machine is gone, whether the worker has left it or not.
  private func expectEnd(of instance: WorkerInstance, within seconds: Double) async {
    if await instance.ended.wait(seconds: seconds) == nil, !Task.isCancelled { instance.kill(isOverdue: true) }
    await instance.ended.wait()
  }
}

/// Numbers the faults of a drill.
final class FaultCounter: Sendable {
  private let count = Mutex(0)

  func next() -> Int {
    count.withLock { count in
      count += 1
      return count
    }
  }
}
